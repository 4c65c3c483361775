#include "nodes/layers/transformer_block.h"

#include <utility>

namespace weft {
namespace {

constexpr double kLayerNormEps = 1e-5;  // BasicTransformerBlock's default
constexpr double kGroupNormEps = 1e-6;  // Transformer2DModel's own, whatever the UNet's is

AttentionConfig AttentionOf(const TransformerConfig& config) {
  return {.width = config.inner(), .heads = config.heads, .head_width = config.head_width()};
}

}  // namespace

TransformerBlock::TransformerBlock(const Scope& scope, const TransformerConfig& config,
                                   int64_t& cross_attentions)
    : norm1_(scope.Sub("norm1"), config.inner(), kLayerNormEps),
      norm2_(scope.Sub("norm2"), config.inner(), kLayerNormEps),
      norm3_(scope.Sub("norm3"), config.inner(), kLayerNormEps),
      cross_(scope.Sub("attn2"), kDiffusersAttention, AttentionOf(config), config.context_width,
             cross_attentions++),
      feed_forward_(scope.Sub("ff"), config.inner()) {
  const Scope first = scope.Sub("attn1");
  if (config.only_cross_attention) {
    first_cross_.emplace(first, kDiffusersAttention, AttentionOf(config), config.context_width,
                         cross_attentions++);
  } else {
    self_.emplace(first, kDiffusersAttention, AttentionOf(config));
  }
}

Tensor TransformerBlock::operator()(Ops& ops, Tensor x, const CrossContext& context,
                                    const TokenGrid& grid) const {
  Tensor h;  // [b, rows, width], as all that follow
  if (grid.merged > 0 && self_.has_value()) {
    x = AttendMerged(ops, x, grid);
  } else {
    h = norm1_(ops, x, self_.has_value() ? self_->reader() : first_cross_->reader());
    x = self_.has_value() ? (*self_)(ops, std::move(h), std::move(x))
                          : (*first_cross_)(ops, std::move(h), context, std::move(x));
  }
  h = norm2_(ops, x, cross_.reader());
  x = cross_(ops, std::move(h), context, std::move(x));
  h = norm3_(ops, x, ReaderOf(feed_forward_.in.weights));
  return feed_forward_(ops, std::move(h), std::move(x));
}

Tensor TransformerBlock::AttendMerged(Ops& ops, const Tensor& x, const TokenGrid& grid) const {
  const TokenPlaces places = MatchTokens(ops, x, grid);
  Tensor h = MergeTokens(ops, norm1_(ops, x), places);  // [b, kept, width]
  h = (*self_)(ops, std::move(h), /*residual=*/{});
  h = UnmergeTokens(ops, h, places);  // [b, rows, width]
  return ops.Add(std::move(h), x);
}

void TransformerBlock::AddSegment(Ops& ops, const Tensor& text, CrossContext& context) const {
  const auto add = [&](const CrossAttention& attention) {
    context.layers[static_cast<size_t>(attention.index())].push_back(
        attention.KeysAndValues(ops, text));
  };
  if (first_cross_.has_value()) add(*first_cross_);
  add(cross_);
}

SpatialTransformer::SpatialTransformer(const Scope& scope, const TransformerConfig& config,
                                       int64_t& cross_attentions)
    : norm_(scope.Sub("norm"), config.channels, config.groups, kGroupNormEps),
      in_(scope.Sub("proj_in"), config.channels, config.inner()),
      out_(scope.Sub("proj_out"), config.inner(), config.channels) {
  for (int64_t i = 0; i < config.layers; ++i) {
    blocks_.emplace_back(scope.Sub("transformer_blocks", i), config, cross_attentions);
  }
}

Tensor SpatialTransformer::operator()(Ops& ops, Tensor x, const CrossContext& context,
                                      const MergingStep& merging) const {
  if (!ops.status().ok()) return {};
  TokenGrid grid = GridOf(merging.merging, x.dim(1), x.dim(2), merging.latent_pixels);
  const Shape picture = x.shape();
  const Shape rows = {x.dim(0), x.dim(1) * x.dim(2), x.dim(3)};
  Tensor h = norm_(ops, x, Activation::kNone, ReaderOf(in_.weights));
  h = ops.Reshape(h, rows);    // [b, h·w, c]
  h = in_(ops, std::move(h));  // [b, h·w, inner]
  for (const TransformerBlock& block : blocks_) {
    if (grid.seed.has_value()) {
      grid.seed = AttentionSeed(*merging.merging.seed, block.index(), merging.timestep);
    }
    h = block(ops, std::move(h), context, grid);
  }
  x = ops.Reshape(x, rows);
  h = out_(ops, std::move(h), {.residual = std::move(x)});  // [b, h·w, c]
  return ops.Reshape(h, picture);
}

void SpatialTransformer::AddSegment(Ops& ops, const Tensor& text, CrossContext& context) const {
  for (const TransformerBlock& block : blocks_) block.AddSegment(ops, text, context);
}

}  // namespace weft
