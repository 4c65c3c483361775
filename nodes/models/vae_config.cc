#include "nodes/models/vae_config.h"

#include "runtime/base/status_macros.h"

namespace weft {

absl::StatusOr<VaeConfig> VaeConfig::From(ConfigReader reader) {
  constexpr size_t kMaxLevels = 12;
  const std::string plain_down = "DownEncoderBlock2D";
  const std::string attention_down = "AttnDownEncoderBlock2D";
  const std::string plain_up = "UpDecoderBlock2D";
  const std::string attention_up = "AttnUpDecoderBlock2D";

  VaeConfig config;
  reader.Choice("_class_name", "AutoencoderKL", {"AutoencoderKL"});
  config.in_channels = reader.Int("in_channels", 3, {1, 64});
  config.out_channels = reader.Int("out_channels", 3, {1, 64});
  config.latent_channels = reader.Int("latent_channels", 4, {1, 1024});
  config.widths = reader.Ints("block_out_channels", {64}, {1, 65536}, kMaxLevels);
  for (const std::string& type :
       reader.Choices("down_block_types", {plain_down}, {plain_down, attention_down}, kMaxLevels)) {
    config.down_attention.push_back(type == attention_down);
  }
  for (const std::string& type :
       reader.Choices("up_block_types", {plain_up}, {plain_up, attention_up}, kMaxLevels)) {
    config.up_attention.push_back(type == attention_up);
  }
  config.layers = reader.Int("layers_per_block", 1, {1, 64});
  config.groups = reader.Int("norm_num_groups", 32, {1, 65536});
  config.activation = reader.ActivationOf("act_fn", "silu");
  config.quant_conv = reader.Bool("use_quant_conv", true);
  config.post_quant_conv = reader.Bool("use_post_quant_conv", true);
  config.middle_attention = reader.Bool("mid_block_add_attention", true);
  config.scaling = reader.Float("scaling_factor", 0.18215, 1e-6, 1e6);
  config.shift = reader.Float("shift_factor", 0.0, -1e6, 1e6);
  reader.Only("latents_mean", "null");
  reader.Only("latents_std", "null");

  const std::string levels = absl::StrCat(config.widths.size(), ", as block_out_channels has");
  if (config.down_attention.size() != config.widths.size()) {
    reader.Reject("down_block_types", levels);
  }
  if (config.up_attention.size() != config.widths.size()) reader.Reject("up_block_types", levels);
  for (const int64_t width : config.widths) {
    if (width % config.groups != 0) {
      reader.Reject("norm_num_groups", absl::StrCat("a divisor of every width (", width, ")"));
    }
  }
  WEFT_RETURN_IF_ERROR(reader.status());
  return config;
}

}  // namespace weft
