#include "nodes/models/unet_config.h"

#include <algorithm>
#include <utility>

#include "runtime/base/status_macros.h"

namespace weft {
namespace {

using Kind = UnetBlockConfig::Kind;

constexpr size_t kMaxLevels = 12;
constexpr ConfigReader::Range kWidths{1, 65536};
constexpr ConfigReader::Range kLayers{1, 64};

struct BlockName {
  absl::string_view name;
  Kind kind;
};
constexpr BlockName kDownBlocks[] = {{"DownBlock2D", Kind::kPlain},
                                     {"AttnDownBlock2D", Kind::kSelfAttention},
                                     {"CrossAttnDownBlock2D", Kind::kCrossAttention}};
constexpr BlockName kUpBlocks[] = {{"UpBlock2D", Kind::kPlain},
                                   {"AttnUpBlock2D", Kind::kSelfAttention},
                                   {"CrossAttnUpBlock2D", Kind::kCrossAttention}};

std::vector<Kind> Kinds(ConfigReader& reader, absl::string_view key,
                        absl::Span<const BlockName> blocks, std::vector<std::string> fallback) {
  std::vector<std::string> known;
  for (const BlockName& block : blocks) known.emplace_back(block.name);
  std::vector<Kind> kinds;
  for (const std::string& name : reader.Choices(key, std::move(fallback), known, kMaxLevels)) {
    for (const BlockName& block : blocks) {
      if (block.name == name) kinds.push_back(block.kind);
    }
  }
  return kinds;
}

// What other pipelines than Stable Diffusion's set. Each is an error rather than a wrong picture.
void RefuseWhatIsUnknown(ConfigReader& reader) {
  reader.Only("num_attention_heads", "null");  // diffusers refuses it as well
  reader.Only("dual_cross_attention", "false");
  reader.Only("mid_block_scale_factor", "1");
  reader.Only("resnet_out_scale_factor", "1.0");
  reader.Only("resnet_skip_time_act", "false");
  reader.Only("resnet_time_scale_shift", "\"default\"");
  reader.Only("time_embedding_type", "\"positional\"");
  reader.Only("time_embedding_act_fn", "null");
  reader.Only("timestep_post_act", "null");
  reader.Only("encoder_hid_dim", "null");
  reader.Only("encoder_hid_dim_type", "null");
  reader.Only("class_embeddings_concat", "false");
  reader.Only("attention_type", "\"default\"");
  reader.Only("cross_attention_norm", "null");
}

// The same of UNet2DModel.
void RefuseWhatIsUnknownOfUnet2d(ConfigReader& reader) {
  reader.Only("act_fn", "\"silu\"");
  reader.Only("downsample_type", "\"conv\"");
  reader.Only("upsample_type", "\"conv\"");
  reader.Only("attn_norm_num_groups", "null");
  reader.Only("add_attention", "true");
  reader.Only("mid_block_scale_factor", "1");
  reader.Only("resnet_time_scale_shift", "\"default\"");
  reader.Only("time_embedding_type", "\"positional\"");
}

// What the two classes have by default.
struct Defaults {
  std::vector<int64_t> channels;
  std::vector<std::string> down;
  std::vector<std::string> up;
  int64_t pictures;  // channels of them
};

Defaults DefaultsOf(bool told) {
  if (told) {
    const std::string cross_down = "CrossAttnDownBlock2D";
    const std::string cross_up = "CrossAttnUpBlock2D";
    return {{320, 640, 1280, 1280},
            {cross_down, cross_down, cross_down, "DownBlock2D"},
            {"UpBlock2D", cross_up, cross_up, cross_up},
            4};
  }
  const std::string down = "AttnDownBlock2D";
  const std::string up = "AttnUpBlock2D";
  return {{224, 448, 672, 896}, {"DownBlock2D", down, down, down}, {up, up, up, "UpBlock2D"}, 3};
}

// Levels as lists, outermost first.
struct Levels {
  std::vector<int64_t> channels;
  std::vector<int64_t> resnets;
  std::vector<int64_t> heads;
  std::vector<std::vector<int64_t>> down_layers;
  std::vector<std::vector<int64_t>> up_layers;  // innermost first
  std::vector<bool> only_cross_attention;
};

Levels ReadLevels(ConfigReader& reader, const Defaults& defaults) {
  Levels levels;
  levels.channels = reader.Ints("block_out_channels", defaults.channels, kWidths, kMaxLevels);
  const size_t count = levels.channels.size();
  levels.resnets = reader.IntEach("layers_per_block", 2, kLayers, count);
  // diffusers' name for the number of heads, kept for the sake of files that have it.
  levels.heads = reader.IntEach("attention_head_dim", 8, kWidths, count);
  // Of UNet2DModel: one head, as wide as the level.
  if (reader.IsNull("attention_head_dim")) levels.heads = levels.channels;
  levels.down_layers = reader.IntsEach("transformer_layers_per_block", 1, {0, 64}, count);
  levels.up_layers = levels.down_layers;
  std::reverse(levels.up_layers.begin(), levels.up_layers.end());
  if (reader.Has("reverse_transformer_layers_per_block")) {
    levels.up_layers = reader.IntsEach("reverse_transformer_layers_per_block", 1, {0, 64}, count);
  }
  levels.only_cross_attention = reader.BoolEach("only_cross_attention", false, count);
  return levels;
}

void ReadBlocks(ConfigReader& reader, UnetConfig& config, bool told) {
  const Defaults defaults = DefaultsOf(told);
  const Levels levels = ReadLevels(reader, defaults);
  // The blocks that look at a text come last in the tables.
  const size_t kinds = told ? std::size(kDownBlocks) : std::size(kDownBlocks) - 1;
  const std::vector<Kind> down =
      Kinds(reader, "down_block_types", absl::MakeSpan(kDownBlocks, kinds), defaults.down);
  const std::vector<Kind> up =
      Kinds(reader, "up_block_types", absl::MakeSpan(kUpBlocks, kinds), defaults.up);
  const size_t count = levels.channels.size();
  const std::string wanted = absl::StrCat(count, " types, as block_out_channels has widths");
  if (down.size() != count) reader.Reject("down_block_types", wanted);
  if (up.size() != count) reader.Reject("up_block_types", wanted);
  if (!reader.status().ok()) return;

  const auto block = [&](Kind kind, size_t level, int64_t resnets,
                         const std::vector<int64_t>& layers, int64_t heads) {
    UnetBlockConfig result{.kind = kind,
                           .channels = levels.channels[level],
                           .resnets = resnets,
                           .transformer_layers = layers,
                           .heads = heads,
                           .only_cross_attention = levels.only_cross_attention[level]};
    if (kind == Kind::kSelfAttention) {
      // Here the same key is the width of a head, as its name says.
      if (result.channels % heads != 0) {
        reader.Reject("attention_head_dim", absl::StrCat("divisors of ", result.channels));
      }
      result.heads = std::max<int64_t>(1, result.channels / heads);
    }
    if (kind == Kind::kCrossAttention) {
      if (heads > result.channels) {
        reader.Reject("attention_head_dim",
                      absl::StrCat("at most as many heads as channels (", result.channels, ")"));
      }
      if (layers.size() != 1 && static_cast<int64_t>(layers.size()) < resnets) {
        reader.Reject("transformer_layers_per_block",
                      absl::StrCat(resnets, " numbers in the list of a level"));
      }
    }
    return result;
  };
  for (size_t i = 0; i < count; ++i) {
    config.down.push_back(
        block(down[i], i, levels.resnets[i], levels.down_layers[i], levels.heads[i]));
    const size_t level = count - 1 - i;
    // diffusers does not reverse a list of widths of heads.
    const bool reversed = up[i] != Kind::kSelfAttention || !told;
    const int64_t heads = levels.heads[reversed ? level : i];
    config.up.push_back(block(up[i], level, levels.resnets[level] + 1, levels.up_layers[i], heads));
  }

  config.middle = UnetConfig::Middle::kCrossAttention;
  if (reader.IsNull("mid_block_type")) {
    config.middle = UnetConfig::Middle::kNone;
  } else if (!told) {
    reader.Only("mid_block_type", "\"UNetMidBlock2D\"");
    config.middle = UnetConfig::Middle::kSelfAttention;
  } else if (reader.Choice("mid_block_type", "UNetMidBlock2DCrossAttn",
                           {"UNetMidBlock2DCrossAttn", "UNetMidBlock2D"}) == "UNetMidBlock2D") {
    config.middle = UnetConfig::Middle::kPlain;
  }
  const Kind middle = config.middle == UnetConfig::Middle::kCrossAttention  ? Kind::kCrossAttention
                      : config.middle == UnetConfig::Middle::kSelfAttention ? Kind::kSelfAttention
                                                                            : Kind::kPlain;
  config.middle_block =
      block(middle, count - 1, 1, {levels.down_layers.back().front()}, levels.heads.back());
  config.middle_block.only_cross_attention = false;  // diffusers heeds it in other types alone
}

void ReadEmbeddings(ConfigReader& reader, UnetConfig& config) {
  config.flip_sin_to_cos = reader.Bool("flip_sin_to_cos", true);
  config.frequency_shift = reader.Float("freq_shift", 0.0, -1e6, 1e6);
  config.time_width = reader.Int("time_embedding_dim", 4 * config.channels(), kWidths);
  if (reader.Has("time_cond_proj_dim")) {
    config.guidance_width = reader.Int("time_cond_proj_dim", 256, {4, 65536});
  }
  if (reader.Has("addition_embed_type")) {
    reader.Choice("addition_embed_type", "text_time", {"text_time"});
    config.size_width = reader.Int("addition_time_embed_dim", 256, {2, 65536});
    config.pooled_and_sizes_width =
        reader.Int("projection_class_embeddings_input_dim", 2816, {1, 1 << 20});
  }
  if (reader.Has("class_embed_type")) {
    reader.Choice("class_embed_type", "timestep", {"timestep"});
    config.class_sinusoid = true;
  } else if (reader.Has("num_class_embeds")) {
    config.class_count = reader.Int("num_class_embeds", 1000, {1, 1 << 20});
  }
  if (config.channels() / 2 <= config.frequency_shift) {
    reader.Reject("freq_shift",
                  absl::StrCat("less than half of the first width, ", config.channels()));
  }
}

}  // namespace

absl::StatusOr<UnetConfig> UnetConfig::From(ConfigReader reader) {
  UnetConfig config;
  // UNet2DModel is told no text.
  const bool told = reader.Choice("_class_name", "UNet2DConditionModel",
                                  {"UNet2DConditionModel", "UNet2DModel"}) != "UNet2DModel";
  told ? RefuseWhatIsUnknown(reader) : RefuseWhatIsUnknownOfUnet2d(reader);
  const int64_t pictures = DefaultsOf(told).pictures;
  config.in_channels = reader.Int("in_channels", pictures, {1, 1024});
  config.out_channels = reader.Int("out_channels", pictures, {1, 1024});
  config.downsample_padding = reader.Int("downsample_padding", 1, {0, 1});
  config.groups = reader.Int("norm_num_groups", 32, kWidths);
  config.eps = reader.Float("norm_eps", 1e-5, 0, 1);
  config.activation = reader.ActivationOf("act_fn", "silu");
  config.conv_in_kernel = reader.Int("conv_in_kernel", 3, {1, 15});
  config.conv_out_kernel = reader.Int("conv_out_kernel", 3, {1, 15});
  config.center_input = reader.Bool("center_input_sample", false);
  reader.Bool("upcast_attention", false);       // scores are always summed in f32
  reader.Bool("use_linear_projection", false);  // the weights' shapes tell
  ReadBlocks(reader, config, told);
  WEFT_RETURN_IF_ERROR(reader.status());
  const std::vector<int64_t> widths =
      reader.IntEach("cross_attention_dim", 1280, kWidths, config.down.size());
  config.context_width = told ? widths.front() : 0;
  if (std::any_of(widths.begin(), widths.end(),
                  [&](int64_t width) { return width != widths.front(); })) {
    reader.Reject("cross_attention_dim", "the same width on every level");
  }
  ReadEmbeddings(reader, config);
  if (config.conv_in_kernel % 2 == 0) reader.Reject("conv_in_kernel", "an odd size");
  if (config.conv_out_kernel % 2 == 0) reader.Reject("conv_out_kernel", "an odd size");
  for (const UnetBlockConfig& block : config.down) {
    if (block.channels % config.groups != 0) {
      reader.Reject("norm_num_groups",
                    absl::StrCat("a divisor of every width (", block.channels, ")"));
    }
  }
  WEFT_RETURN_IF_ERROR(reader.status());
  return config;
}

}  // namespace weft
