#include "nodes/models/autoencoder_kl.h"

#include <utility>

namespace weft {
namespace {

constexpr double kEps = 1e-6;  // of every norm in diffusers' Encoder and Decoder

ResnetConfig Resnet(const VaeConfig& config, int64_t in, int64_t out) {
  return {
      .in = in, .out = out, .groups = config.groups, .eps = kEps, .activation = config.activation};
}

// One head that sees all channels.
SpatialAttentionConfig Attention(const VaeConfig& config, int64_t channels) {
  return {.channels = channels, .heads = 1, .groups = config.groups, .eps = kEps};
}

}  // namespace

VaeLevel::VaeLevel(const Scope& scope, const VaeConfig& config, const Shape& shape) {
  for (int64_t i = 0; i < shape.resnets; ++i) {
    const int64_t in = i == 0 ? shape.in : shape.out;
    resnets_.emplace_back(scope.Sub("resnets", i), Resnet(config, in, shape.out));
    if (shape.attention) {
      attentions_.emplace_back(scope.Sub("attentions", i), Attention(config, shape.out));
    }
  }
  if (shape.down) down_.emplace(scope.Sub("downsamplers", 0).Sub("conv"), shape.out, 0);
  if (shape.up) up_.emplace(scope.Sub("upsamplers", 0).Sub("conv"), shape.out);
}

Tensor VaeLevel::operator()(Ops& ops, Tensor x) const {
  for (size_t i = 0; i < resnets_.size(); ++i) {
    x = resnets_[i](ops, std::move(x));                               // [b, h, w, out]
    if (!attentions_.empty()) x = attentions_[i](ops, std::move(x));  // [b, h, w, out]
  }
  if (down_.has_value()) x = (*down_)(ops, std::move(x));  // [b, h/2, w/2, out]
  if (up_.has_value()) x = (*up_)(ops, std::move(x));      // [b, 2h, 2w, out]
  return x;
}

VaeMiddle::VaeMiddle(const Scope& scope, const VaeConfig& config)
    : first_(scope.Sub("resnets", 0), Resnet(config, config.widths.back(), config.widths.back())),
      second_(scope.Sub("resnets", 1), Resnet(config, config.widths.back(), config.widths.back())) {
  if (config.middle_attention) {
    attention_.emplace(scope.Sub("attentions", 0), Attention(config, config.widths.back()));
  }
}

Tensor VaeMiddle::operator()(Ops& ops, Tensor x) const {
  x = first_(ops, std::move(x));
  if (attention_.has_value()) x = (*attention_)(ops, std::move(x));
  return second_(ops, std::move(x));
}

AutoencoderKl::Encoder::Encoder(const Scope& scope, const VaeConfig& config)
    : conv_in(scope.Sub("conv_in"), config.in_channels, config.widths.front()),
      middle(scope.Sub("mid_block"), config),
      norm_out(scope.Sub("conv_norm_out"), config.widths.back(), config.groups, kEps),
      conv_out(scope.Sub("conv_out"), config.widths.back(), 2 * config.latent_channels) {
  const size_t count = config.widths.size();
  for (size_t i = 0; i < count; ++i) {
    levels.emplace_back(scope.Sub("down_blocks", static_cast<int64_t>(i)), config,
                        VaeLevel::Shape{.in = config.widths[i == 0 ? 0 : i - 1],
                                        .out = config.widths[i],
                                        .resnets = config.layers,
                                        .attention = config.down_attention[i],
                                        .down = i + 1 < count});
  }
}

AutoencoderKl::Decoder::Decoder(const Scope& scope, const VaeConfig& config)
    : conv_in(scope.Sub("conv_in"), config.latent_channels, config.widths.back()),
      middle(scope.Sub("mid_block"), config),
      norm_out(scope.Sub("conv_norm_out"), config.widths.front(), config.groups, kEps),
      conv_out(scope.Sub("conv_out"), config.widths.front(), config.out_channels) {
  const size_t count = config.widths.size();
  for (size_t i = 0; i < count; ++i) {
    const size_t level = count - 1 - i;
    levels.emplace_back(scope.Sub("up_blocks", static_cast<int64_t>(i)), config,
                        VaeLevel::Shape{.in = config.widths[i == 0 ? level : level + 1],
                                        .out = config.widths[level],
                                        .resnets = config.layers + 1,
                                        .attention = config.up_attention[i],
                                        .up = i + 1 < count});
  }
}

AutoencoderKl::AutoencoderKl(const Scope& scope, const VaeConfig& config)
    : encoder_(scope.Sub("encoder"), config), decoder_(scope.Sub("decoder"), config) {
  const int64_t latent = config.latent_channels;
  if (config.quant_conv) quant_conv_.emplace(scope.Sub("quant_conv"), 2 * latent, 2 * latent, 1);
  if (config.post_quant_conv)
    post_quant_conv_.emplace(scope.Sub("post_quant_conv"), latent, latent, 1);
}

Tensor AutoencoderKl::Encode(Ops& ops, const Tensor& image) const {
  Tensor x = ops.Cast(image, ops.compute());  // [b, h, w, c]
  x = encoder_.conv_in(ops, std::move(x));    // [b, h, w, widths[0]]
  for (const VaeLevel& level : encoder_.levels) x = level(ops, std::move(x));
  x = encoder_.middle(ops, std::move(x));  // [b, h', w', widths[-1]]
  x = encoder_.norm_out(ops, std::move(x), Activation::kSilu);
  x = encoder_.conv_out(ops, std::move(x));  // [b, h', w', 2·latent]
  if (quant_conv_.has_value()) x = (*quant_conv_)(ops, std::move(x));
  return ops.ToChannelsFirst(x);
}

Tensor AutoencoderKl::Decode(Ops& ops, const Tensor& latent) const {
  Tensor x = ops.ToChannelsLast(latent);  // [b, h, w, latent]
  if (post_quant_conv_.has_value()) x = (*post_quant_conv_)(ops, std::move(x));
  x = decoder_.conv_in(ops, std::move(x));  // [b, h, w, widths[-1]]
  x = decoder_.middle(ops, std::move(x));
  for (const VaeLevel& level : decoder_.levels) x = level(ops, std::move(x));
  x = decoder_.norm_out(ops, std::move(x), Activation::kSilu);  // [b, h·s, w·s, widths[0]]
  x = decoder_.conv_out(ops, std::move(x));                     // [b, h·s, w·s, c]
  return ops.Cast(x, DType::kF32);
}

}  // namespace weft
