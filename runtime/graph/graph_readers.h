#ifndef WEFT_RUNTIME_GRAPH_GRAPH_READERS_H_
#define WEFT_RUNTIME_GRAPH_GRAPH_READERS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "runtime/graph/graph_def.h"

namespace weft {

// Reads a graph file in a format other than JSON.
using GraphReader = std::function<absl::StatusOr<GraphDef>(const std::string& path)>;
// By the end of the file's name: ".lua".
using GraphReaders = absl::btree_map<std::string, GraphReader>;

// The graph in a file, by the end of its name; JSON where no reader claims it.
absl::StatusOr<GraphDef> LoadGraph(const std::string& path, const GraphReaders& readers);

// ".json" and the ends that readers know: those of the files that can be graphs.
std::vector<std::string> GraphExtensions(const GraphReaders& readers);

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_GRAPH_READERS_H_
