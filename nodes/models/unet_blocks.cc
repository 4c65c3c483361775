#include "nodes/models/unet_blocks.h"

#include <utility>

#include "runtime/base/status_macros.h"

namespace weft {
namespace {

ResnetConfig Resnet(const UnetConfig& config, int64_t in, int64_t out) {
  return {.in = in,
          .out = out,
          .time_width = config.time_width,
          .groups = config.groups,
          .eps = config.eps,
          .activation = config.activation};
}

// The features of an earlier step, which go beside `skip`.
Tensor Reused(Ops& ops, const UnetCut& cut, const Tensor& skip, int64_t channels) {
  if (!ops.status().ok()) return {};
  const Shape wanted = {skip.dim(0), skip.dim(1), skip.dim(2), channels};
  if (cut.features.shape() == wanted && cut.features.dtype() == skip.dtype()) {
    return ops.OnDevice(cut.features);
  }
  ops.Fail(Invalid("the cache holds features ", cut.features.shape().ToString(), " ",
                   Name(cut.features.dtype()), ", this step needs ", wanted.ToString(), " ",
                   Name(skip.dtype()), ": it is of another network or latent"));
  return {};
}

}  // namespace

UnetLayer::UnetLayer(const Scope& scope, const UnetBlockConfig& block, int64_t index, int64_t in,
                     UnetBuilder& builder)
    : resnet_(scope.Sub("resnets", index), Resnet(builder.config, in, block.channels)) {
  const UnetConfig& config = builder.config;
  const Scope attention = scope.Sub("attentions", index);
  if (block.kind == UnetBlockConfig::Kind::kSelfAttention) {
    attention_.emplace(attention, SpatialAttentionConfig{.channels = block.channels,
                                                         .heads = block.heads,
                                                         .groups = config.groups,
                                                         .eps = config.eps});
  }
  if (block.kind == UnetBlockConfig::Kind::kCrossAttention) {
    transformer_.emplace(attention,
                         TransformerConfig{.channels = block.channels,
                                           .heads = block.heads,
                                           .layers = block.transformer_layers_of(index),
                                           .context_width = config.context_width,
                                           .only_cross_attention = block.only_cross_attention,
                                           .groups = config.groups},
                         builder.cross_attentions);
  }
}

Tensor UnetLayer::operator()(Ops& ops, Sources x, const UnetStep& step) const {
  Tensor h = resnet_(ops, std::move(x), step.time);
  if (attention_.has_value()) h = (*attention_)(ops, std::move(h));
  if (transformer_.has_value()) h = (*transformer_)(ops, std::move(h), *step.context, step.merging);
  return h;
}

void UnetLayer::AddSegment(Ops& ops, const Tensor& text, CrossContext& context) const {
  if (transformer_.has_value()) transformer_->AddSegment(ops, text, context);
}

UnetDownBlock::UnetDownBlock(const Scope& scope, const UnetBlockConfig& block, bool last,
                             UnetBuilder& builder) {
  for (int64_t i = 0; i < block.resnets; ++i) {
    layers_.emplace_back(scope, block, i, builder.channels, builder);
    builder.channels = block.channels;
    builder.skips.push_back(builder.channels);
  }
  if (!last) {
    down_.emplace(scope.Sub("downsamplers", 0).Sub("conv"), block.channels,
                  builder.config.downsample_padding);
    builder.skips.push_back(builder.channels);
  }
}

Tensor UnetDownBlock::operator()(Ops& ops, Tensor x, const UnetStep& step,
                                 std::vector<Tensor>& skips) const {
  for (const UnetLayer& layer : layers_) {
    if (step.TurnsAt(skips.size())) return x;
    x = layer(ops, OneSource(std::move(x)), step);  // [b, h, w, out]
    skips.push_back(x);
  }
  if (down_.has_value() && !step.TurnsAt(skips.size())) {
    x = (*down_)(ops, std::move(x));  // [b, h/2, w/2, out]
    skips.push_back(x);
  }
  return x;
}

void UnetDownBlock::AddSegment(Ops& ops, const Tensor& text, CrossContext& context) const {
  for (const UnetLayer& layer : layers_) layer.AddSegment(ops, text, context);
}

UnetMiddleBlock::UnetMiddleBlock(const Scope& scope, const UnetBlockConfig& block,
                                 UnetBuilder& builder)
    : first_(scope, block, 0, builder.channels, builder) {
  if (block.kind != UnetBlockConfig::Kind::kPlain) {
    second_.emplace(scope.Sub("resnets", 1),
                    Resnet(builder.config, block.channels, block.channels));
  }
}

Tensor UnetMiddleBlock::operator()(Ops& ops, Tensor x, const UnetStep& step) const {
  x = first_(ops, OneSource(std::move(x)), step);
  return second_.has_value() ? (*second_)(ops, std::move(x), step.time) : x;
}

void UnetMiddleBlock::AddSegment(Ops& ops, const Tensor& text, CrossContext& context) const {
  first_.AddSegment(ops, text, context);
}

UnetUpBlock::UnetUpBlock(const Scope& scope, const UnetBlockConfig& block, bool last,
                         UnetBuilder& builder)
    : skips_(builder.skips.size()) {
  for (int64_t i = 0; i < block.resnets; ++i) {
    widths_.push_back(builder.channels);
    const int64_t skip = builder.skips.back();
    builder.skips.pop_back();
    layers_.emplace_back(scope, block, i, builder.channels + skip, builder);
    builder.channels = block.channels;
  }
  if (!last) up_.emplace(scope.Sub("upsamplers", 0).Sub("conv"), block.channels);
}

Tensor UnetUpBlock::operator()(Ops& ops, Tensor x, const UnetStep& step,
                               std::vector<Tensor>& skips) const {
  UnetCut* cut = step.cut;
  size_t left = skips_;
  for (size_t i = 0; i < layers_.size(); ++i, --left) {
    if (step.LeavesOut(left)) continue;
    if (cut != nullptr && left == cut->skips) {
      if (cut->reused) x = Reused(ops, *cut, skips.back(), widths_[i]);
      if (!ops.status().ok()) return {};
      cut->features = x;
    }
    Sources beside = SideBySide(std::move(x), std::move(skips.back()));
    skips.pop_back();
    x = layers_[i](ops, std::move(beside), step);  // [b, h, w, out]
  }
  if (up_.has_value() && ops.status().ok() && !step.LeavesOut(left + 1)) {
    const Tensor& next = skips.back();
    x = (*up_)(ops, std::move(x), next.dim(1), next.dim(2));  // as large as the next skip
  }
  return x;
}

void UnetUpBlock::AddSegment(Ops& ops, const Tensor& text, CrossContext& context) const {
  for (const UnetLayer& layer : layers_) layer.AddSegment(ops, text, context);
}

}  // namespace weft
