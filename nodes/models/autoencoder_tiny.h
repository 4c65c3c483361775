#ifndef WEFT_NODES_MODELS_AUTOENCODER_TINY_H_
#define WEFT_NODES_MODELS_AUTOENCODER_TINY_H_

#include <optional>
#include <vector>

#include "nodes/layers/conv2d.h"
#include "nodes/models/vae_config.h"

namespace weft {

// relu(conv(act(conv(act(conv(x))))) + x): diffusers' AutoencoderTinyBlock.
class TinyBlock {
 public:
  TinyBlock(const Scope& scope, int64_t channels, Activation activation);
  Tensor operator()(Ops& ops, Tensor x) const;  // [b, h, w, channels]

 private:
  Activation activation_;
  Conv2d first_;
  Conv2d second_;
  Conv2d third_;
};

// A small autoencoder that stands in for a large one's (TAESD, Bohan 2023): diffusers'
// AutoencoderTiny. It has no distribution to draw from: its latent is what it gives.
class AutoencoderTiny {
 public:
  AutoencoderTiny(const Scope& scope, const VaeConfig& config);

  // image [b, h, w, c] f32 in -1..1 → [b, latent channels, h/scale, w/scale] f32.
  Tensor Encode(Ops& ops, const Tensor& image) const;
  // latent [b, latent channels, h, w] f32 → [b, h·scale, w·scale, c] f32, about -1..1.
  Tensor Decode(Ops& ops, const Tensor& latent) const;

 private:
  // A convolution, then blocks of one size.
  struct Stage {
    Conv2d conv;
    std::vector<TinyBlock> blocks;
  };

  Activation activation_;
  std::vector<Stage> encoder_;
  std::vector<Stage> decoder_;
  std::optional<Conv2d> encoder_out_;
  std::optional<Conv2d> decoder_out_;
};

// 3·tanh(x/3), which keeps a latent within -3..3.
Tensor SoftClamp(Ops& ops, const Tensor& x);

}  // namespace weft

#endif  // WEFT_NODES_MODELS_AUTOENCODER_TINY_H_
