#ifndef WEFT_NODES_MODELS_AUTOENCODER_KL_H_
#define WEFT_NODES_MODELS_AUTOENCODER_KL_H_

#include <optional>
#include <vector>

#include "nodes/layers/conv2d.h"
#include "nodes/layers/norm.h"
#include "nodes/layers/resample.h"
#include "nodes/layers/resnet_block.h"
#include "nodes/layers/spatial_attention.h"
#include "nodes/models/vae_config.h"

namespace weft {

// Resnets, each followed by attention where the level has it, then a change of size.
class VaeLevel {
 public:
  struct Shape {
    int64_t in = 0;
    int64_t out = 0;
    int64_t resnets = 1;
    bool attention = false;
    bool down = false;
    bool up = false;
  };
  VaeLevel(const Scope& scope, const VaeConfig& config, const Shape& shape);
  Tensor operator()(Ops& ops, Tensor x) const;

 private:
  std::vector<ResnetBlock> resnets_;
  std::vector<SpatialAttention> attentions_;
  std::optional<Downsample> down_;
  std::optional<Upsample> up_;
};

// A resnet, attention over all pixels, a resnet.
class VaeMiddle {
 public:
  VaeMiddle(const Scope& scope, const VaeConfig& config);
  Tensor operator()(Ops& ops, Tensor x) const;

 private:
  ResnetBlock first_;
  std::optional<SpatialAttention> attention_;
  ResnetBlock second_;
};

// The autoencoder of latent diffusion (Rombach et al. 2022): diffusers' AutoencoderKL.
class AutoencoderKl {
 public:
  AutoencoderKl(const Scope& scope, const VaeConfig& config);

  // image [b, h, w, c] f32 in -1..1; h and w are multiples of the scale. Returns
  // [b, 2·latent channels, h/scale, w/scale] f32: the mean, then the logarithm of the variance.
  Tensor Encode(Ops& ops, const Tensor& image) const;
  // latent [b, latent channels, h, w] f32, not scaled → [b, h·scale, w·scale, c] f32, about -1..1.
  Tensor Decode(Ops& ops, const Tensor& latent) const;

 private:
  struct Encoder {
    Encoder(const Scope& scope, const VaeConfig& config);
    Conv2d conv_in;
    std::vector<VaeLevel> levels;
    VaeMiddle middle;
    GroupNorm norm_out;
    Conv2d conv_out;
  };
  struct Decoder {
    Decoder(const Scope& scope, const VaeConfig& config);
    Conv2d conv_in;
    VaeMiddle middle;
    std::vector<VaeLevel> levels;
    GroupNorm norm_out;
    Conv2d conv_out;
  };

  Encoder encoder_;
  Decoder decoder_;
  std::optional<Conv2d> quant_conv_;
  std::optional<Conv2d> post_quant_conv_;
};

}  // namespace weft

#endif  // WEFT_NODES_MODELS_AUTOENCODER_KL_H_
