#ifndef WEFT_RUNTIME_GRAPH_SCHEMA_H_
#define WEFT_RUNTIME_GRAPH_SCHEMA_H_

#include <string>
#include <vector>

#include "runtime/graph/registry.h"

namespace weft {

// The JSON Schema (draft 2020-12) of graph files, for editors: completes and explains node types,
// ports and values. `composites`: those that are installed; graphs may use others, so that nothing
// is refused for being unknown among them.
std::string GraphSchema(const Registry& registry, const std::vector<Contract>& composites);

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_SCHEMA_H_
