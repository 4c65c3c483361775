#include "nodes/models/built_in_config.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace weft {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kMostLevels = 12;
constexpr int64_t kMostLayers = 64;
constexpr int64_t kHeadWidth = 64;
constexpr int64_t kSizeWidth = 256;  // addition_time_embed_dim of all published models

bool Has(const NamedWeights& weights, absl::string_view name) {
  return weights.contains(std::string(name));
}

// The extent of a tensor, or 0 where there is no such tensor or axis.
int64_t Extent(const NamedWeights& weights, absl::string_view name, int axis) {
  const auto found = weights.find(std::string(name));
  if (found == weights.end() || axis >= found->second.shape().rank()) return 0;
  return found->second.shape().dim(axis);
}

// How many of prefix.0, prefix.1 … have the tensor `suffix`.
int64_t Count(const NamedWeights& weights, absl::string_view prefix, absl::string_view suffix) {
  int64_t count = 0;
  while (count < kMostLayers && Has(weights, absl::StrCat(prefix, ".", count, ".", suffix)))
    ++count;
  return count;
}

int64_t TransformerLayers(const NamedWeights& unet, const std::string& attention) {
  return Count(unet, attention + ".transformer_blocks", "norm1.weight");
}

// One number where all are the same.
Json OneOrAll(const std::vector<int64_t>& values) {
  const bool same =
      std::adjacent_find(values.begin(), values.end(), std::not_equal_to<>()) == values.end();
  return same && !values.empty() ? Json(values.front()) : Json(values);
}

struct UnetLevel {
  std::string block;  // "down_blocks.0"
  int64_t resnets = 0;
  int64_t channels = 0;
  bool attends = false;
  std::vector<int64_t> layers;  // of each transformer
};

std::vector<UnetLevel> LevelsOf(const NamedWeights& unet, const std::string& blocks) {
  std::vector<UnetLevel> levels;
  for (int64_t i = 0; i < kMostLevels; ++i) {
    UnetLevel level{.block = absl::StrCat(blocks, ".", i)};
    level.resnets = Count(unet, level.block + ".resnets", "norm1.weight");
    if (level.resnets == 0) break;
    level.channels = Extent(unet, level.block + ".resnets.0.conv1.weight", 0);
    level.attends = Has(unet, level.block + ".attentions.0.norm.weight");
    for (int64_t j = 0; j < level.resnets && level.attends; ++j) {
      level.layers.push_back(TransformerLayers(unet, absl::StrCat(level.block, ".attentions.", j)));
    }
    levels.push_back(std::move(level));
  }
  return levels;
}

std::string FirstTransformer(const std::vector<UnetLevel>& levels) {
  for (const UnetLevel& level : levels) {
    if (level.attends) return level.block + ".attentions.0";
  }
  return "mid_block.attentions.0";
}

Json LayersOf(const UnetLevel& level) { return level.attends ? OneOrAll(level.layers) : Json(1); }

// Numbers of transformer layers: one for all, one each level, or, where the way up differs (as in
// SSD-1B), lists of their own.
void WriteTransformerLayers(const std::vector<UnetLevel>& down, const std::vector<UnetLevel>& up,
                            int64_t middle, Json& config) {
  std::vector<Json> each;
  std::vector<Json> reversed;
  for (const UnetLevel& level : down) each.push_back(LayersOf(level));
  for (const UnetLevel& level : up) reversed.push_back(LayersOf(level));
  // The middle takes its number from the last level, which need not attend itself.
  if (!down.empty() && !down.back().attends && middle > 0) each.back() = middle;
  const bool one = std::all_of(each.begin(), each.end(),
                               [&](const Json& layers) { return layers == each.front(); });
  bool mirrored = down.size() == up.size();
  for (size_t i = 0; mirrored && i < up.size(); ++i) {
    mirrored = !up[i].attends || reversed[i] == each[up.size() - 1 - i];
  }
  config["transformer_layers_per_block"] =
      one && mirrored && !each.empty() && each.front().is_number() ? each.front() : Json(each);
  if (!mirrored) config["reverse_transformer_layers_per_block"] = reversed;
}

void WriteEmbeddings(const NamedWeights& unet, const Family& family, Json& config) {
  config["addition_embed_type"] = nullptr;
  config["addition_time_embed_dim"] = nullptr;
  config["class_embed_type"] = nullptr;
  config["num_class_embeds"] = nullptr;
  config["projection_class_embeddings_input_dim"] = nullptr;
  config["time_cond_proj_dim"] = nullptr;
  if (Has(unet, "add_embedding.linear_1.weight")) {
    config["addition_embed_type"] = "text_time";
    config["addition_time_embed_dim"] = kSizeWidth;
    config["projection_class_embeddings_input_dim"] =
        Extent(unet, "add_embedding.linear_1.weight", 1);
  }
  if (Has(unet, "class_embedding.weight")) {
    config["num_class_embeds"] = Extent(unet, "class_embedding.weight", 0);
  } else if (Has(unet, "class_embedding.linear_1.weight")) {
    config["class_embed_type"] = "projection";
    config["projection_class_embeddings_input_dim"] =
        Extent(unet, "class_embedding.linear_1.weight", 1);
  }
  if (Has(unet, "time_embedding.cond_proj.weight")) {
    config["time_cond_proj_dim"] = Extent(unet, "time_embedding.cond_proj.weight", 1);
  }
  config["upcast_attention"] = family.id == "sd2";
}

}  // namespace

FamilyTraits TraitsOf(const NamedWeights& unet) {
  const std::string transformer = FirstTransformer(LevelsOf(unet, "down_blocks"));
  FamilyTraits traits;
  traits.in_channels = Extent(unet, "conv_in.weight", 1);
  traits.class_labels = Has(unet, "class_embedding.weight");
  traits.sizes = Has(unet, "add_embedding.linear_1.weight");
  const int64_t context = Extent(unet, transformer + ".transformer_blocks.0.attn2.to_k.weight", 1);
  // The refiner looks at one text encoder, whose pooled text is as wide as its tokens.
  traits.five_sizes =
      traits.sizes && Extent(unet, "add_embedding.linear_1.weight", 1) == context + 5 * kSizeWidth;
  const auto projection = unet.find(transformer + ".proj_in.weight");
  traits.linear_projection = projection != unet.end() && projection->second.shape().rank() == 2;
  return traits;
}

std::string UnetConfigText(const NamedWeights& unet, const Family& family) {
  const std::vector<UnetLevel> down = LevelsOf(unet, "down_blocks");
  const std::vector<UnetLevel> up = LevelsOf(unet, "up_blocks");
  const std::string transformer = FirstTransformer(down);
  Json config = {{"_class_name", "UNet2DConditionModel"}, {"act_fn", "silu"}};
  std::vector<int64_t> channels, resnets, heads;
  std::vector<bool> only_cross;
  std::vector<std::string> down_types, up_types;
  const int64_t context = Extent(unet, transformer + ".transformer_blocks.0.attn2.to_k.weight", 1);
  for (const UnetLevel& level : down) {
    channels.push_back(level.channels);
    resnets.push_back(level.resnets);
    heads.push_back(std::max<int64_t>(1, level.channels / kHeadWidth));
    down_types.push_back(level.attends ? "CrossAttnDownBlock2D" : "DownBlock2D");
    // Keys of the first attention that are as wide as the text, not as the picture.
    const int64_t seen =
        Extent(unet, level.block + ".attentions.0.transformer_blocks.0.attn1.to_k.weight", 1);
    only_cross.push_back(seen != 0 && seen != level.channels && seen == context);
  }
  for (const UnetLevel& level : up) {
    up_types.push_back(level.attends ? "CrossAttnUpBlock2D" : "UpBlock2D");
  }
  const bool any_only_cross =
      std::find(only_cross.begin(), only_cross.end(), true) != only_cross.end();
  // A level that does not attend says what its neighbours say, as the x4 upscaler's config does.
  for (size_t i = 0; any_only_cross && i < down.size(); ++i) {
    if (!down[i].attends) only_cross[i] = true;
  }
  config["attention_head_dim"] = family.heads > 0 ? Json(family.heads) : Json(heads);
  config["block_out_channels"] = channels;
  config["center_input_sample"] = false;
  config["cross_attention_dim"] = context;
  config["down_block_types"] = down_types;
  config["downsample_padding"] = 1;
  config["dual_cross_attention"] = false;
  config["flip_sin_to_cos"] = true;
  config["freq_shift"] = 0;
  config["in_channels"] = Extent(unet, "conv_in.weight", 1);
  config["layers_per_block"] = OneOrAll(resnets);
  const bool plain = Has(unet, "mid_block.resnets.0.norm1.weight");
  const bool attends = Has(unet, "mid_block.attentions.0.norm.weight");
  config["mid_block_type"] = attends ? Json("UNetMidBlock2DCrossAttn")
                             : plain ? Json("UNetMidBlock2D")
                                     : Json(nullptr);
  config["norm_eps"] = 1e-5;
  config["norm_num_groups"] = 32;
  config["only_cross_attention"] = any_only_cross ? Json(only_cross) : Json(false);
  config["out_channels"] = Extent(unet, "conv_out.weight", 0);
  config["sample_size"] = family.sample_size;
  WriteTransformerLayers(down, up, TransformerLayers(unet, "mid_block.attentions.0"), config);
  config["up_block_types"] = up_types;
  config["use_linear_projection"] = TraitsOf(unet).linear_projection;
  WriteEmbeddings(unet, family, config);
  return config.dump(2);
}

std::string VaeConfigText(const NamedWeights& vae, const LatentScale& scale) {
  std::vector<int64_t> channels;
  for (int64_t i = 0; i < kMostLevels; ++i) {
    const int64_t width =
        Extent(vae, absl::StrCat("encoder.down_blocks.", i, ".resnets.0.conv1.weight"), 0);
    if (width == 0) break;
    channels.push_back(width);
  }
  const size_t halvings = channels.empty() ? 0 : channels.size() - 1;
  Json config = {
      {"_class_name", "AutoencoderKL"},
      {"act_fn", "silu"},
      {"block_out_channels", channels},
      {"down_block_types", std::vector<std::string>(channels.size(), "DownEncoderBlock2D")},
      {"in_channels", Extent(vae, "encoder.conv_in.weight", 1)},
      {"latent_channels", Extent(vae, "decoder.conv_in.weight", 1)},
      {"layers_per_block", Count(vae, "encoder.down_blocks.0.resnets", "norm1.weight")},
      {"mid_block_add_attention", Has(vae, "encoder.mid_block.attentions.0.group_norm.weight")},
      {"norm_num_groups", 32},
      {"out_channels", Extent(vae, "decoder.conv_out.weight", 0)},
      {"sample_size", scale.sample_size << halvings},
      {"scaling_factor", scale.factor},
      {"up_block_types", std::vector<std::string>(channels.size(), "UpDecoderBlock2D")},
      {"use_quant_conv", Has(vae, "quant_conv.weight")},
      {"use_post_quant_conv", Has(vae, "post_quant_conv.weight")}};
  if (!scale.mean.empty()) {
    config["latents_mean"] = scale.mean;
    config["latents_std"] = scale.std;
  }
  return config.dump(2);
}

std::string TextConfigText(const NamedWeights& text, bool open_clip) {
  const std::string model =
      Has(text, "text_model.embeddings.token_embedding.weight") ? "text_model." : "";
  const int64_t width = Extent(text, model + "embeddings.token_embedding.weight", 1);
  const int64_t projection = Extent(text, "text_projection.weight", 0);
  const Json config = {
      {"architectures", {projection > 0 ? "CLIPTextModelWithProjection" : "CLIPTextModel"}},
      {"attention_dropout", 0.0},
      {"bos_token_id", 0},
      {"eos_token_id", 2},  // as published: the end of a text is its greatest id
      {"hidden_act", open_clip ? "gelu" : "quick_gelu"},
      {"hidden_size", width},
      {"intermediate_size", Extent(text, model + "encoder.layers.0.mlp.fc1.weight", 0)},
      {"layer_norm_eps", 1e-5},
      {"max_position_embeddings", Extent(text, model + "embeddings.position_embedding.weight", 0)},
      {"model_type", "clip_text_model"},
      {"num_attention_heads", std::max<int64_t>(1, width / kHeadWidth)},
      {"num_hidden_layers", Count(text, model + "encoder.layers", "layer_norm1.weight")},
      {"pad_token_id", 1},
      {"projection_dim", projection > 0 ? projection : width},
      {"vocab_size", Extent(text, model + "embeddings.token_embedding.weight", 0)}};
  return config.dump(2);
}

std::string SchedulerConfigText(const Family& family, const Training& training) {
  if (family.scheduler == "EDMDPMSolverMultistepScheduler") {
    const Json config = {{"_class_name", std::string(family.scheduler)},
                         {"num_train_timesteps", 1000},
                         {"prediction_type", training.prediction},
                         {"rho", 7.0},
                         {"sigma_data", 0.5},
                         {"sigma_max", 80.0},
                         {"sigma_min", 0.002},
                         {"solver_order", 2}};
    return config.dump(2);
  }
  Json config = {{"_class_name", std::string(family.scheduler)},
                 {"beta_end", family.beta_end},
                 {"beta_schedule", std::string(family.beta_schedule)},
                 {"beta_start", family.beta_start},
                 {"clip_sample", false},
                 {"num_train_timesteps", 1000},
                 {"prediction_type", training.prediction},
                 {"set_alpha_to_one", false},
                 {"skip_prk_steps", true},
                 {"steps_offset", 1},
                 {"trained_betas", nullptr}};
  if (family.is_sdxl()) {
    config["interpolation_type"] = "linear";
    config["sample_max_value"] = 1.0;
    config["timestep_spacing"] = "leading";
    config["use_karras_sigmas"] = false;
  }
  if (training.few_steps) {
    config["_class_name"] = "LCMScheduler";
    config["original_inference_steps"] = 50;
    config["set_alpha_to_one"] = true;
    config["steps_offset"] = 0;
    config["timestep_spacing"] = "leading";
    config["timestep_scaling"] = 10.0;
  }
  if (training.zero_snr) config["rescale_betas_zero_snr"] = true;
  return config.dump(2);
}

std::string LowResSchedulerConfigText() {
  const Json config = {{"_class_name", "DDPMScheduler"},
                       {"beta_end", 0.02},
                       {"beta_schedule", "scaled_linear"},
                       {"beta_start", 0.0001},
                       {"clip_sample", true},
                       {"num_train_timesteps", 1000},
                       {"prediction_type", "epsilon"},
                       {"trained_betas", nullptr},
                       {"variance_type", "fixed_small"}};
  return config.dump(2);
}

}  // namespace weft
