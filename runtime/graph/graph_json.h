#ifndef WEFT_RUNTIME_GRAPH_GRAPH_JSON_H_
#define WEFT_RUNTIME_GRAPH_GRAPH_JSON_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/graph/graph_def.h"

namespace weft {

// Reads the canonical graph format. `file` names the text in errors. All faults of form (unknown
// keys, wrong kinds, duplicate keys, another format version) come in one report.
absl::StatusOr<GraphDef> ParseGraphJson(absl::string_view text, const std::string& file);
absl::StatusOr<GraphDef> LoadGraphJson(const std::string& path);

// The canonical text of a graph: two spaces, members in the order of the definition. Reading it
// gives the same GraphDef.
std::string ToJson(const GraphDef& graph);

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_GRAPH_JSON_H_
