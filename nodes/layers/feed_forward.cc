#include "nodes/layers/feed_forward.h"

#include <utility>

namespace weft {

GatedFeedForward::GatedFeedForward(const Scope& scope, int64_t width)
    : in(Linear::Gated(scope.Sub("net.0.proj"), width, 4 * width)),
      out(scope.Sub("net.2"), 4 * width, width) {}

Tensor GatedFeedForward::operator()(Ops& ops, Tensor x, Tensor residual) const {
  Tensor h =
      in(ops, std::move(x), {.activation = Activation::kGelu, .codes = ReaderOf(out.weights).int8});
  // [b, rows, 4·width]
  return out(ops, std::move(h), {.residual = std::move(residual)});
}

FeedForward::FeedForward(const Scope& scope, int64_t width, int64_t inner, Activation act)
    : in(scope.Sub("fc1"), width, inner), out(scope.Sub("fc2"), inner, width), activation(act) {}

Tensor FeedForward::operator()(Ops& ops, Tensor x, Tensor residual) const {
  Tensor h = in(ops, std::move(x), {.activation = activation});  // [b, rows, inner]
  return out(ops, std::move(h), {.residual = std::move(residual)});
}

}  // namespace weft
