#ifndef WEFT_LUA_LUA_FUNCTION_H_
#define WEFT_LUA_LUA_FUNCTION_H_

#include "runtime/graph/node.h"

namespace weft {

// A node that a graph writes in Lua: see its contract.
NodeType LuaFunctionNode();

}  // namespace weft

#endif  // WEFT_LUA_LUA_FUNCTION_H_
