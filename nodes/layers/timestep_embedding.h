#ifndef WEFT_NODES_LAYERS_TIMESTEP_EMBEDDING_H_
#define WEFT_NODES_LAYERS_TIMESTEP_EMBEDDING_H_

#include <optional>

#include "nodes/layers/linear.h"

namespace weft {

// linear_2(act(linear_1(x + cond_proj(condition)))): diffusers' TimestepEmbedding.
class TimestepEmbedding {
 public:
  // condition_width 0: there is no condition.
  TimestepEmbedding(const Scope& scope, int64_t in, int64_t out, Activation activation,
                    int64_t condition_width = 0);

  // x [rows, in], condition [rows, condition_width] or empty → [rows, out].
  Tensor operator()(Ops& ops, Tensor x, Tensor condition = {},
                    Activation after = Activation::kNone) const;

 private:
  Activation activation_;
  Linear linear1_;
  Linear linear2_;
  std::optional<Linear> condition_;
};

}  // namespace weft

#endif  // WEFT_NODES_LAYERS_TIMESTEP_EMBEDDING_H_
