#ifndef WEFT_RUNTIME_GRAPH_REGISTRY_H_
#define WEFT_RUNTIME_GRAPH_REGISTRY_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "runtime/graph/node.h"

namespace weft {

// The node types that graphs may name. Safe to use from several threads: whoever has found a type
// keeps it, even when another takes its name.
class Registry {
 public:
  Registry() = default;
  Registry(Registry&& other) noexcept : types_(std::move(other.types_)) {}

  // ALREADY_EXISTS if the type is known; INVALID_ARGUMENT if two ports share a name.
  absl::Status Add(NodeType type);
  // As Add, but in place of a type of that name: a notebook's cell that is run again.
  absl::Status Replace(NodeType type);
  // Null if there is none.
  std::shared_ptr<const NodeType> Find(absl::string_view type) const;
  std::vector<std::string> TypeNames() const;
  // By name.
  std::vector<std::shared_ptr<const NodeType>> Types() const;

 private:
  mutable absl::Mutex mutex_;
  absl::btree_map<std::string, std::shared_ptr<const NodeType>> types_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_REGISTRY_H_
