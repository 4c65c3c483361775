#ifndef WEFT_NODES_MODELS_MODEL_PART_H_
#define WEFT_NODES_MODELS_MODEL_PART_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/graph/value.h"
#include "runtime/weights/weight_store.h"

namespace weft {

// A network whose layers know their tensors; the tensors are read and packed when a layer is first
// used. Shared by everything that loaded the same folder, from any thread.
template <typename Network>
struct Bound {
  Network network;
  std::shared_ptr<const WeightStore> store;  // its tensors by their canonical names
  std::vector<std::string> unused;           // tensors of the store that no layer has asked for
};

// Errors: what the config gets wrong, or all tensors that are missing or have another shape.
template <typename Network, typename Config>
absl::StatusOr<std::shared_ptr<const Bound<Network>>> BindNetwork(
    const Config& config, const std::shared_ptr<const WeightStore>& store) {
  const Scope scope(store);
  Network network(scope, config);
  if (absl::Status status = scope.status(); !status.ok()) return status;
  return std::make_shared<const Bound<Network>>(
      Bound<Network>{std::move(network), store, scope.Unused()});
}

// A network as it travels on a wire, with the precision it is to be computed in.
template <typename Network>
class ModelPart : public Object {
 public:
  // Without a precision, that of the run counts.
  explicit ModelPart(std::shared_ptr<const Bound<Network>> bound,
                     std::optional<DType> precision = std::nullopt)
      : bound_(std::move(bound)), precision_(precision) {}

  const Network& network() const { return bound_->network; }
  // What it was bound to, to be bound anew with other weights: BindNetwork(network().config(), …).
  const std::shared_ptr<const WeightStore>& store() const { return bound_->store; }
  const std::string& path() const { return bound_->store->path(); }  // of the weights
  const std::vector<std::string>& unused() const { return bound_->unused; }
  const std::optional<DType>& precision() const { return precision_; }
  DType ComputeOr(DType of_the_run) const { return precision_.value_or(of_the_run); }

 private:
  std::shared_ptr<const Bound<Network>> bound_;
  std::optional<DType> precision_;
};

}  // namespace weft

#endif  // WEFT_NODES_MODELS_MODEL_PART_H_
