#ifndef WEFT_NODES_MODELS_VAE_CONFIG_H_
#define WEFT_NODES_MODELS_VAE_CONFIG_H_

#include <vector>

#include "nodes/models/config_reader.h"

namespace weft {

// diffusers' AutoencoderKL.
struct VaeConfig {
  int64_t in_channels = 3;
  int64_t out_channels = 3;
  int64_t latent_channels = 4;
  std::vector<int64_t> widths;       // channels of the levels, from the picture inwards
  std::vector<bool> down_attention;  // AttnDownEncoderBlock2D, in that order
  std::vector<bool> up_attention;    // AttnUpDecoderBlock2D, from the latent outwards
  int64_t layers = 1;                // of a level; the decoder has one more
  int64_t groups = 32;
  Activation activation = Activation::kSilu;
  bool quant_conv = true;
  bool post_quant_conv = true;
  bool middle_attention = true;
  // latent on a wire = (latent of the network - shift) * scaling
  double scaling = 0.18215;
  double shift = 0.0;

  int64_t scale() const { return int64_t{1} << (widths.size() - 1); }  // pixels a latent pixel

  static absl::StatusOr<VaeConfig> From(ConfigReader reader);
};

}  // namespace weft

#endif  // WEFT_NODES_MODELS_VAE_CONFIG_H_
