#ifndef WEFT_LUA_DEFINITIONS_H_
#define WEFT_LUA_DEFINITIONS_H_

#include <string>
#include <vector>

#include "runtime/graph/contract.h"
#include "runtime/graph/registry.h"

namespace weft {

// What the table `weft` offers, as definitions that editors read (LuaLS annotations): nodes and
// composites from their contracts, and the library's own functions and values.
std::string LuaDefinitions(const Registry& registry, const std::vector<Contract>& composites);

}  // namespace weft

#endif  // WEFT_LUA_DEFINITIONS_H_
