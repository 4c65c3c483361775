#include "nodes/models/autoencoder_tiny.h"

#include <cmath>
#include <utility>

#include "nodes/layers/affine.h"

namespace weft {

TinyBlock::TinyBlock(const Scope& scope, int64_t channels, Activation activation)
    : activation_(activation),
      first_(scope.Sub("conv", 0), channels, channels),
      second_(scope.Sub("conv", 2), channels, channels),
      third_(scope.Sub("conv", 4), channels, channels) {}

Tensor TinyBlock::operator()(Ops& ops, Tensor x) const {
  Tensor h = first_(ops, x, {.activation = activation_});
  h = second_(ops, std::move(h), {.activation = activation_});
  h = third_(ops, std::move(h), {.residual = std::move(x)});
  return ops.Activate(std::move(h), Activation::kRelu);  // whatever act_fn says
}

// The file numbers all layers of a side in one row, those without weights among them.
AutoencoderTiny::AutoencoderTiny(const Scope& scope, const VaeConfig& config)
    : activation_(config.tiny->activation) {
  const AutoencoderTinyConfig& tiny = *config.tiny;
  const auto stage = [](const Scope& layers, int64_t& index, Conv2d conv, int64_t blocks,
                        int64_t width, Activation activation) {
    Stage made{.conv = std::move(conv), .blocks = {}};
    for (int64_t i = 0; i < blocks; ++i) {
      made.blocks.emplace_back(layers.Sub("layers", index++), width, activation);
    }
    return made;
  };

  const Scope encoder = scope.Sub("encoder");
  const int64_t in_width = tiny.encoder_width;
  int64_t index = 0;
  for (const int64_t blocks : tiny.encoder_blocks) {
    const Scope layer = encoder.Sub("layers", index++);
    Conv2d conv =
        encoder_.empty()
            ? Conv2d(layer, config.in_channels, in_width)
            : Conv2d(layer,
                     ConvSpec{.in_channels = in_width, .out_channels = in_width, .stride = 2},
                     Conv2d::Bias::kNo);
    encoder_.push_back(stage(encoder, index, std::move(conv), blocks, in_width, tiny.activation));
  }
  encoder_out_.emplace(encoder.Sub("layers", index), in_width, config.latent_channels);

  const Scope decoder = scope.Sub("decoder");
  const int64_t out_width = tiny.decoder_width;
  index = 0;
  for (const int64_t blocks : tiny.decoder_blocks) {
    const Scope layer = decoder.Sub("layers", index);
    index += decoder_.empty() ? 2 : 1;  // the first is followed by an activation
    Conv2d conv =
        decoder_.empty()
            ? Conv2d(layer, config.latent_channels, out_width)
            : Conv2d(
                  layer,
                  ConvSpec{.in_channels = out_width, .out_channels = out_width, .upsample = true},
                  Conv2d::Bias::kNo);
    decoder_.push_back(stage(decoder, index, std::move(conv), blocks, out_width, tiny.activation));
    if (decoder_.size() < tiny.decoder_blocks.size()) ++index;  // an upsampling
  }
  decoder_out_.emplace(decoder.Sub("layers", index), out_width, config.out_channels);
}

Tensor AutoencoderTiny::Encode(Ops& ops, const Tensor& image) const {
  Tensor x = ops.Cast(Affine(ops, image, 0.5, 0.5), ops.compute());  // [b, h, w, c] in 0..1
  for (const Stage& stage : encoder_) {
    x = stage.conv(ops, std::move(x));  // [b, h/2ⁱ, w/2ⁱ, width]
    for (const TinyBlock& block : stage.blocks) x = block(ops, std::move(x));
  }
  return ops.ToChannelsFirst((*encoder_out_)(ops, std::move(x)));
}

Tensor AutoencoderTiny::Decode(Ops& ops, const Tensor& latent) const {
  Tensor x = ops.ToChannelsLast(SoftClamp(ops, latent));  // [b, h, w, latent]
  for (const Stage& stage : decoder_) {
    const bool first = &stage == &decoder_.front();
    x = stage.conv(ops, std::move(x), {.activation = first ? activation_ : Activation::kNone});
    for (const TinyBlock& block : stage.blocks) x = block(ops, std::move(x));
  }
  x = (*decoder_out_)(ops, std::move(x));  // [b, h·s, w·s, c] in about 0..1
  return Affine(ops, ops.Cast(x, DType::kF32), 2.0, -1.0);
}

Tensor SoftClamp(Ops& ops, const Tensor& x) {
  if (!ops.status().ok()) return {};
  absl::StatusOr<Tensor> result = Tensor::Allocate(ops.allocator(), DType::kF32, x.shape());
  if (!result.ok()) {
    ops.Fail(std::move(result).status());
    return {};
  }
  if (result->is_meta()) return *std::move(result);
  const float* from = x.data<float>();
  float* to = result->mutable_data<float>();
  for (int64_t i = 0; i < x.numel(); ++i) to[i] = 3.0f * std::tanh(from[i] / 3.0f);
  return *std::move(result);
}

}  // namespace weft
