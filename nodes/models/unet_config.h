#ifndef WEFT_NODES_MODELS_UNET_CONFIG_H_
#define WEFT_NODES_MODELS_UNET_CONFIG_H_

#include <vector>

#include "nodes/models/config_reader.h"

namespace weft {

// One level of the way down or up.
struct UnetBlockConfig {
  enum class Kind {
    kPlain,           // resnets alone
    kSelfAttention,   // each followed by attention over the pixels
    kCrossAttention,  // each followed by a transformer that looks at the text
  };

  Kind kind = Kind::kPlain;
  int64_t channels = 0;
  int64_t resnets = 0;
  std::vector<int64_t> transformer_layers;  // of each transformer, or one number for all
  int64_t heads = 1;
  bool only_cross_attention = false;

  int64_t transformer_layers_of(int64_t resnet) const {
    const bool one_for_all = transformer_layers.size() == 1;
    return transformer_layers[one_for_all ? 0 : static_cast<size_t>(resnet)];
  }
};

// diffusers' UNet2DConditionModel, as SD 1.x and 2.x configure it, and SDXL; or its UNet2DModel,
// DDPM's network, which is told nothing.
struct UnetConfig {
  enum class Middle { kNone, kPlain, kSelfAttention, kCrossAttention };

  int64_t in_channels = 4;
  int64_t out_channels = 4;
  std::vector<UnetBlockConfig> down;  // from the picture inwards
  std::vector<UnetBlockConfig> up;    // from the middle outwards
  Middle middle = Middle::kCrossAttention;
  UnetBlockConfig middle_block;
  int64_t context_width = 1280;  // cross_attention_dim; 0: told no text (UNet2DModel)
  int64_t downsample_padding = 1;
  int64_t groups = 32;
  double eps = 1e-5;
  Activation activation = Activation::kSilu;
  int64_t conv_in_kernel = 3;
  int64_t conv_out_kernel = 3;
  bool center_input = false;

  // The sinusoid of the timestep, and what is added to it.
  bool flip_sin_to_cos = true;
  double frequency_shift = 0.0;
  int64_t time_width = 0;
  int64_t guidance_width = 0;  // time_cond_proj_dim; 0: the guidance scale is not embedded
  // text_time (SDXL): sinusoids of six sizes, this wide each, beside the pooled text.
  int64_t size_width = 0;
  int64_t pooled_and_sizes_width = 0;
  // A class as well: a learnt row for each of so many (num_class_embeds), or the sinusoid of a
  // number (class_embed_type "timestep").
  int64_t class_count = 0;
  bool class_sinusoid = false;

  bool takes_class() const { return class_count > 0 || class_sinusoid; }

  int64_t channels() const { return down.front().channels; }  // of the outermost level

  static absl::StatusOr<UnetConfig> From(ConfigReader reader);
};

}  // namespace weft

#endif  // WEFT_NODES_MODELS_UNET_CONFIG_H_
