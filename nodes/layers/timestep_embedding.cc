#include "nodes/layers/timestep_embedding.h"

#include <utility>

namespace weft {

TimestepEmbedding::TimestepEmbedding(const Scope& scope, int64_t in, int64_t out,
                                     Activation activation, int64_t condition_width)
    : activation_(activation),
      linear1_(scope.Sub("linear_1"), in, out),
      linear2_(scope.Sub("linear_2"), out, out) {
  if (condition_width > 0) {
    condition_.emplace(scope.Sub("cond_proj"), condition_width, in, Linear::Bias::kNo);
  }
}

Tensor TimestepEmbedding::operator()(Ops& ops, Tensor x, Tensor condition, Activation after) const {
  if (condition_.has_value() && !condition.empty()) {
    x = (*condition_)(ops, std::move(condition), {.residual = std::move(x)});  // [rows, in]
  }
  x = linear1_(ops, std::move(x), {.activation = activation_});  // [rows, out]
  return linear2_(ops, std::move(x), {.activation = after});     // [rows, out]
}

}  // namespace weft
