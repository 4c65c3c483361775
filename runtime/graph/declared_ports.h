#ifndef WEFT_RUNTIME_GRAPH_DECLARED_PORTS_H_
#define WEFT_RUNTIME_GRAPH_DECLARED_PORTS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "runtime/graph/graph_def.h"
#include "runtime/graph/node.h"

namespace weft {

// `type` with the ports that `def` declares put after its own. An error where it does not let
// nodes declare ports, where two ports share a name, or where one has no type.
absl::StatusOr<std::shared_ptr<const NodeType>> WithDeclaredPorts(
    std::shared_ptr<const NodeType> type, const NodeDef& def);

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_DECLARED_PORTS_H_
