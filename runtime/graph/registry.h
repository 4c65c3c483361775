#ifndef WEFT_RUNTIME_GRAPH_REGISTRY_H_
#define WEFT_RUNTIME_GRAPH_REGISTRY_H_

#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/graph/node.h"

namespace weft {

// The node types that graphs may name.
class Registry {
 public:
  // ALREADY_EXISTS if the type is known; INVALID_ARGUMENT if two ports share a name.
  absl::Status Add(NodeType type);
  const NodeType* Find(absl::string_view type) const;
  std::vector<std::string> TypeNames() const;
  const absl::btree_map<std::string, NodeType>& types() const { return types_; }

 private:
  absl::btree_map<std::string, NodeType> types_;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_REGISTRY_H_
