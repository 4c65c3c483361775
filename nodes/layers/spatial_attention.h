#ifndef WEFT_NODES_LAYERS_SPATIAL_ATTENTION_H_
#define WEFT_NODES_LAYERS_SPATIAL_ATTENTION_H_

#include "nodes/layers/attention.h"
#include "nodes/layers/norm.h"

namespace weft {

struct SpatialAttentionConfig {
  int64_t channels = 0;
  int64_t heads = 1;
  int64_t groups = 32;
  double eps = 1e-6;
};

// x + attention(norm(x)) over the pixels of a picture, without a text: the middle of an
// autoencoder, and diffusers' Attn*Block2D.
class SpatialAttention {
 public:
  SpatialAttention(const Scope& scope, const SpatialAttentionConfig& config);
  Tensor operator()(Ops& ops, Tensor x) const;  // [b, h, w, c]

 private:
  GroupNorm norm_;
  SelfAttention attention_;
};

}  // namespace weft

#endif  // WEFT_NODES_LAYERS_SPATIAL_ATTENTION_H_
