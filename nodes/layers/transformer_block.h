#ifndef WEFT_NODES_LAYERS_TRANSFORMER_BLOCK_H_
#define WEFT_NODES_LAYERS_TRANSFORMER_BLOCK_H_

#include <optional>
#include <vector>

#include "nodes/layers/attention.h"
#include "nodes/layers/feed_forward.h"
#include "nodes/layers/norm.h"
#include "nodes/layers/token_merging.h"

namespace weft {

struct TransformerConfig {
  int64_t channels = 0;
  int64_t heads = 1;
  int64_t layers = 1;
  int64_t context_width = 0;
  bool only_cross_attention = false;  // the first attention looks at the text too
  int64_t groups = 32;

  int64_t head_width() const { return channels / heads; }
  int64_t inner() const { return heads * head_width(); }
};

// x + attention, x + cross-attention, x + feed-forward, each after a layer norm: diffusers'
// BasicTransformerBlock.
class TransformerBlock {
 public:
  // `cross_attentions` counts those of the whole network; it is raised by this block's.
  TransformerBlock(const Scope& scope, const TransformerConfig& config, int64_t& cross_attentions);

  // [b, rows, width]; where the grid says so, self-attention merges tokens.
  Tensor operator()(Ops& ops, Tensor x, const CrossContext& context, const TokenGrid& grid) const;
  // Adds the keys and values of `text` as one more segment of each cross-attention.
  void AddSegment(Ops& ops, const Tensor& text, CrossContext& context) const;

  int64_t index() const { return cross_.index(); }  // no other block of the network has it

 private:
  Tensor AttendMerged(Ops& ops, const Tensor& x, const TokenGrid& grid) const;

  LayerNorm norm1_, norm2_, norm3_;
  std::optional<SelfAttention> self_;
  std::optional<CrossAttention> first_cross_;  // in place of self_
  CrossAttention cross_;
  GatedFeedForward feed_forward_;
};

// What the transformers of a network's step are told of token merging.
struct MergingStep {
  TokenMerging merging;
  int64_t latent_pixels = 0;
  double timestep = 0;
};

// The pixels of a picture as rows of transformer blocks: x + out(blocks(in(norm(x)))). diffusers'
// Transformer2DModel.
class SpatialTransformer {
 public:
  SpatialTransformer(const Scope& scope, const TransformerConfig& config,
                     int64_t& cross_attentions);

  // [b, h, w, c]
  Tensor operator()(Ops& ops, Tensor x, const CrossContext& context,
                    const MergingStep& merging) const;
  void AddSegment(Ops& ops, const Tensor& text, CrossContext& context) const;

 private:
  GroupNorm norm_;
  Linear in_;
  std::vector<TransformerBlock> blocks_;
  Linear out_;
};

}  // namespace weft

#endif  // WEFT_NODES_LAYERS_TRANSFORMER_BLOCK_H_
