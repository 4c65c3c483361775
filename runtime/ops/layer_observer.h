#ifndef WEFT_RUNTIME_OPS_LAYER_OBSERVER_H_
#define WEFT_RUNTIME_OPS_LAYER_OBSERVER_H_

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/ops/ops.h"
#include "runtime/weights/weight_store.h"

namespace weft {

// Sees what goes into each convolution and linear layer of a network, and what comes out: how
// ranges for 8 bits are found. A backend has one while it looks on; nothing runs in 8 bits then.
class LayerObserver {
 public:
  virtual ~LayerObserver() = default;
  // Computes the layer, with an epilogue that may be run several times.
  using Run = absl::FunctionRef<absl::StatusOr<Tensor>(Epilogue)>;

  // Each gives the layer's result. `weights`: of the network.
  virtual absl::StatusOr<Tensor> Conv2d(const WeightStore& weights, const ConvWeights& conv,
                                        absl::Span<const Tensor> sources, Epilogue epilogue,
                                        Run run) = 0;
  virtual absl::StatusOr<Tensor> Linear(const WeightStore& weights, const LinearWeights& linear,
                                        const Tensor& x, Epilogue epilogue, Run run) = 0;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_OPS_LAYER_OBSERVER_H_
