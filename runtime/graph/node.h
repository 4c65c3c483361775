#ifndef WEFT_RUNTIME_GRAPH_NODE_H_
#define WEFT_RUNTIME_GRAPH_NODE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runtime/graph/contract.h"
#include "runtime/graph/environment.h"

namespace weft {

// What a node sees while it runs, or while a dry run asks what it would do. In a dry run tensors
// have shapes but no memory (device kMeta): allocate outputs from allocator() and never read data.
class NodeContext {
 public:
  NodeContext(const Contract& contract, const Environment& environment, const Allocator& allocator,
              bool dry_run)
      : contract_(contract), environment_(environment), allocator_(allocator), dry_run_(dry_run) {}

  bool dry_run() const { return dry_run_; }
  const Environment& environment() const { return environment_; }
  const Allocator& allocator() const { return allocator_; }
  // The backend to compute with: memory-less in a dry run.
  Backend& backend() const { return dry_run_ ? *environment_.meta_backend : *environment_.backend; }

  // The value of an input: wired, literal or default. Only for inputs that are required, have a
  // default, or for which Has() is true.
  template <typename T>
  typename PortType<T>::Held Get(const In<T>& port) const {
    return PortType<T>::Unwrap(inputs_.at(std::string(port.name)));
  }
  template <typename T>
  bool Has(const In<T>& port) const {
    const auto it = inputs_.find(std::string(port.name));
    return it != inputs_.end() && !it->second.is_null();
  }
  // As Get, and lets go of the context's own reference, so that a kernel may work in place.
  template <typename T>
  typename PortType<T>::Held Take(const In<T>& port) {
    const auto it = inputs_.find(std::string(port.name));
    Value value = std::move(it->second);
    inputs_.erase(it);
    if constexpr (std::is_base_of_v<TensorPort, T>) {
      return std::move(*value.MutableTensor());
    } else {
      return PortType<T>::Unwrap(value);
    }
  }
  template <typename T>
  void Set(const Out<T>& port, typename PortType<T>::Held held) {
    outputs_.insert_or_assign(std::string(port.name), PortType<T>::Wrap(std::move(held)));
  }

  // In a dry run: what this output would be cannot be told without computing it.
  void SetUnknown(std::string port) { unknown_.insert(std::move(port)); }

  // Whether anything uses this output; others need not be Set.
  template <typename T>
  bool Wanted(const Out<T>& port) const {
    return wanted_.contains(std::string(port.name));
  }

  // An error about one input; the runtime adds node, port and where its value came from.
  template <typename T, typename... Pieces>
  absl::Status PortError(const In<T>& port, const Pieces&... pieces) const {
    return PortErrorImpl(port.name, absl::StrCat(pieces...));
  }
  // An error if the value of `port` names `trait` and it is not `wanted`. `because` says whose
  // demand it is ("the network's input width").
  template <typename T>
  absl::Status Expect(const In<T>& port, absl::string_view trait, int64_t wanted,
                      absl::string_view because) const {
    return ExpectImpl(port.name, PortType<T>::TypeName(), PortType<T>::TraitsOf(Get(port)), trait,
                      wanted, because);
  }

  void Notice(std::string message) const;  // said once to the user; not an error
  void Progress(int64_t done, int64_t total) const;
  void Preview(const Tensor& image, int64_t index) const;  // image: [b, h, w, c] u8

  // For whoever runs nodes.
  const Contract& contract() const { return contract_; }
  absl::btree_map<std::string, Value>& inputs() { return inputs_; }
  absl::btree_map<std::string, Value>& outputs() { return outputs_; }
  absl::btree_set<std::string>& wanted() { return wanted_; }
  const absl::btree_set<std::string>& unknown() const { return unknown_; }
  const std::string& node_path() const { return node_path_; }
  void set_node_path(std::string path) { node_path_ = std::move(path); }

 private:
  static absl::Status PortErrorImpl(absl::string_view port, const std::string& message);
  static absl::Status ExpectImpl(absl::string_view port, const std::string& type,
                                 const Traits& traits, absl::string_view trait, int64_t wanted,
                                 absl::string_view because);

  const Contract& contract_;
  const Environment& environment_;
  Allocator allocator_;
  bool dry_run_;
  std::string node_path_;
  absl::btree_map<std::string, Value> inputs_;
  absl::btree_map<std::string, Value> outputs_;
  absl::btree_set<std::string> wanted_;
  absl::btree_set<std::string> unknown_;
};

// The port that an error is about, or "".
std::string PortOf(const absl::Status& status);

// A node: its contract and two functions. `infer` may be left out where `run` itself works without
// memory (all it does with tensors goes through Ops or the allocator).
struct NodeType {
  using Function = std::function<absl::Status(NodeContext&)>;

  Contract contract;
  Function run;
  Function infer;

  const Function& inferring() const { return infer ? infer : run; }
};

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_NODE_H_
