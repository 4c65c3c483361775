#ifndef WEFT_LUA_GRAPH_FILE_H_
#define WEFT_LUA_GRAPH_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/graph/graph_def.h"
#include "runtime/pipeline.h"

namespace weft {

// A graph that a Lua script writes, sandboxed. Errors are problems with the script's file and line.
absl::StatusOr<GraphDef> ParseLuaGraph(absl::string_view text, const std::string& path,
                                       const Runtime& runtime);
// The same from a file.
absl::StatusOr<GraphDef> LoadLuaGraph(const std::string& path, const Runtime& runtime);

}  // namespace weft

#endif  // WEFT_LUA_GRAPH_FILE_H_
