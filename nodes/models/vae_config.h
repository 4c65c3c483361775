#ifndef WEFT_NODES_MODELS_VAE_CONFIG_H_
#define WEFT_NODES_MODELS_VAE_CONFIG_H_

#include <optional>
#include <vector>

#include "nodes/models/config_reader.h"

namespace weft {

// What diffusers' AutoencoderTiny has of its own.
struct AutoencoderTinyConfig {
  int64_t encoder_width = 64;
  int64_t decoder_width = 64;
  std::vector<int64_t> encoder_blocks;  // of each size, from the picture inwards
  std::vector<int64_t> decoder_blocks;  // from the latent outwards
  Activation activation = Activation::kRelu;
};

// diffusers' AutoencoderKL, or AutoencoderTiny. `force_upcast` of SDXL's is of no concern: bf16
// has the range of f32, and nothing is computed in f16.
struct VaeConfig {
  int64_t in_channels = 3;
  int64_t out_channels = 3;
  int64_t latent_channels = 4;
  // latent on a wire = (latent of the network - shift - mean) * scaling / deviation
  double scaling = 0.18215;
  double shift = 0.0;
  std::vector<double> means;       // latents_mean, of each channel, or none
  std::vector<double> deviations;  // latents_std

  // AutoencoderKL:
  std::vector<int64_t> widths;       // channels of the levels, from the picture inwards
  std::vector<bool> down_attention;  // AttnDownEncoderBlock2D, in that order
  std::vector<bool> up_attention;    // AttnUpDecoderBlock2D, from the latent outwards
  int64_t layers = 1;                // of a level; the decoder has one more
  int64_t groups = 32;
  Activation activation = Activation::kSilu;
  bool quant_conv = true;
  bool post_quant_conv = true;
  bool middle_attention = true;

  std::optional<AutoencoderTinyConfig> tiny;  // in place of AutoencoderKL

  int64_t scale() const {  // pixels a latent pixel
    return int64_t{1} << ((tiny.has_value() ? tiny->decoder_blocks.size() : widths.size()) - 1);
  }
  bool draws() const { return !tiny.has_value(); }  // the encoder gives a distribution
  double mean_of(int64_t c) const { return means.empty() ? 0 : means[static_cast<size_t>(c)]; }
  double deviation_of(int64_t c) const {
    return deviations.empty() ? 1 : deviations[static_cast<size_t>(c)];
  }

  static absl::StatusOr<VaeConfig> From(ConfigReader reader);
};

}  // namespace weft

#endif  // WEFT_NODES_MODELS_VAE_CONFIG_H_
