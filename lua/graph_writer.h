#ifndef WEFT_LUA_GRAPH_WRITER_H_
#define WEFT_LUA_GRAPH_WRITER_H_

#include <string>

#include "absl/status/statusor.h"
#include "runtime/graph/graph_def.h"

namespace weft {

// A graph as a Lua script for people to read and change, which writes the same graph when it runs.
// An error where nodes feed each other in a circle: a script can only name what stands above.
absl::StatusOr<std::string> ToLua(const GraphDef& graph);

}  // namespace weft

#endif  // WEFT_LUA_GRAPH_WRITER_H_
