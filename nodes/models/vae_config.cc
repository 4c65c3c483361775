#include "nodes/models/vae_config.h"

#include <algorithm>

#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr size_t kMaxLevels = 12;

void ReadKl(ConfigReader& reader, VaeConfig& config) {
  const std::string plain_down = "DownEncoderBlock2D";
  const std::string attention_down = "AttnDownEncoderBlock2D";
  const std::string plain_up = "UpDecoderBlock2D";
  const std::string attention_up = "AttnUpDecoderBlock2D";

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
}

// The widths of one side: diffusers' layers fit together only where all are the same.
int64_t OneWidth(ConfigReader& reader, absl::string_view key, size_t count) {
  const std::vector<int64_t> widths =
      reader.Ints(key, std::vector<int64_t>(count, 64), {1, 65536}, kMaxLevels);
  const bool same = std::all_of(widths.begin(), widths.end(),
                                [&](int64_t width) { return width == widths.front(); });
  if (!same || widths.size() != count) {
    reader.Reject(key, absl::StrCat(count, " equal widths, one for each number of blocks"));
  }
  return widths.front();
}

void ReadTiny(ConfigReader& reader, VaeConfig& config) {
  AutoencoderTinyConfig& tiny = config.tiny.emplace();
  tiny.encoder_blocks = reader.Ints("num_encoder_blocks", {1, 3, 3, 3}, {0, 64}, kMaxLevels);
  tiny.decoder_blocks = reader.Ints("num_decoder_blocks", {3, 3, 3, 1}, {0, 64}, kMaxLevels);
  tiny.encoder_width = OneWidth(reader, "encoder_block_out_channels", tiny.encoder_blocks.size());
  tiny.decoder_width = OneWidth(reader, "decoder_block_out_channels", tiny.decoder_blocks.size());
  tiny.activation = reader.ActivationOf("act_fn", "relu");
  reader.Only("upsample_fn", "\"nearest\"");
  reader.Only("upsampling_scaling_factor", "2");
  if (tiny.encoder_blocks.size() != tiny.decoder_blocks.size()) {
    reader.Reject("num_decoder_blocks",
                  absl::StrCat(tiny.encoder_blocks.size(), ", as num_encoder_blocks has"));
  }
}

std::vector<double> OfEachChannel(ConfigReader& reader, absl::string_view key, double min,
                                  int64_t channels) {
  if (!reader.Has(key)) return {};
  std::vector<double> values = reader.Floats(key, {}, min, 1e6, 1024);
  if (static_cast<int64_t>(values.size()) != channels) {
    reader.Reject(key, absl::StrCat(channels, " numbers, as latent_channels says"));
    values.assign(static_cast<size_t>(channels), 1.0);
  }
  return values;
}

}  // namespace

absl::StatusOr<VaeConfig> VaeConfig::From(ConfigReader reader) {
  VaeConfig config;
  const bool tiny = reader.Choice("_class_name", "AutoencoderKL",
                                  {"AutoencoderKL", "AutoencoderTiny"}) == "AutoencoderTiny";
  config.in_channels = reader.Int("in_channels", 3, {1, 64});
  config.out_channels = reader.Int("out_channels", 3, {1, 64});
  config.latent_channels = reader.Int("latent_channels", 4, {1, 1024});
  config.scaling = reader.Float("scaling_factor", tiny ? 1.0 : 0.18215, 1e-6, 1e6);
  config.shift = reader.Float("shift_factor", 0.0, -1e6, 1e6);
  config.means = OfEachChannel(reader, "latents_mean", -1e6, config.latent_channels);
  config.deviations = OfEachChannel(reader, "latents_std", 1e-6, config.latent_channels);
  if (tiny) {
    ReadTiny(reader, config);
  } else {
    ReadKl(reader, config);
  }
  WEFT_RETURN_IF_ERROR(reader.status());
  return config;
}

}  // namespace weft
