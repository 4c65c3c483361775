#include "nodes/layers/norm.h"

namespace weft {
namespace {

NormWeights Bind(const Scope& scope, int64_t channels, double eps) {
  NormWeights weights;
  weights.channels = channels;
  weights.eps = static_cast<float>(eps);
  weights.gamma = scope.Get("weight", Shape{channels});
  weights.beta = scope.Get("bias", Shape{channels});
  weights.slot = PackedSlot::SharedBy({weights.gamma, weights.beta}, "norm");
  return weights;
}

}  // namespace

GroupNorm::GroupNorm(const Scope& scope, int64_t channels, int64_t norm_groups, double eps)
    : weights(Bind(scope, channels, eps)), groups(norm_groups) {}

LayerNorm::LayerNorm(const Scope& scope, int64_t width, double eps)
    : weights(Bind(scope, width, eps)) {}

}  // namespace weft
