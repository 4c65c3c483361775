#ifndef WEFT_NODES_LAYERS_LINEAR_H_
#define WEFT_NODES_LAYERS_LINEAR_H_

#include <initializer_list>

#include "runtime/ops/ops.h"
#include "runtime/weights/weight_store.h"

namespace weft {

// y = x·Wᵀ + b over the last axis. The file may hold W as [out, in] or as a 1×1 convolution
// [out, in, 1, 1], which on channels-last pictures is the same.
struct Linear {
  enum class Bias : bool { kNo, kYes };

  Linear(const Scope& scope, int64_t in, int64_t out, Bias bias = Bias::kYes);
  // Several matrices of one width [out, in] with the same input, side by side in the output.
  static Linear Merged(std::initializer_list<Scope> scopes, int64_t in, int64_t out, Bias bias);
  // [a | g] = x·Wᵀ + b; y = a · activation(g), `out` wide.
  static Linear Gated(const Scope& scope, int64_t in, int64_t out);

  Tensor operator()(Ops& ops, Tensor x, Epilogue epilogue = {}) const;

  LinearWeights weights;

 private:
  Linear() = default;
  void Bind(const Scope& scope, int64_t in, int64_t out, Bias bias);
  void Finish();  // once all weights are bound
};

}  // namespace weft

#endif  // WEFT_NODES_LAYERS_LINEAR_H_
