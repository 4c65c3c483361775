#ifndef WEFT_NODES_LAYERS_FEED_FORWARD_H_
#define WEFT_NODES_LAYERS_FEED_FORWARD_H_

#include "nodes/layers/linear.h"

namespace weft {

// out(a · gelu(g)) + residual, where [a | g] = in(x): diffusers' FeedForward with GEGLU, four
// times as wide inside.
struct GatedFeedForward {
  GatedFeedForward(const Scope& scope, int64_t width);
  Tensor operator()(Ops& ops, Tensor x, Tensor residual) const;

  Linear in, out;
};

// fc2(activation(fc1(x))) + residual: CLIP's.
struct FeedForward {
  FeedForward(const Scope& scope, int64_t width, int64_t inner, Activation act);
  Tensor operator()(Ops& ops, Tensor x, Tensor residual) const;

  Linear in, out;
  Activation activation;
};

}  // namespace weft

#endif  // WEFT_NODES_LAYERS_FEED_FORWARD_H_
