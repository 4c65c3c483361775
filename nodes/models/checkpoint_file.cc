#include "nodes/models/checkpoint_file.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace weft {
namespace {

struct PartPrefix {
  absl::string_view prefix;
  absl::string_view part;
};
// CompVis' and Stability's first, then what mergers of diffusers' parts write.
constexpr PartPrefix kPrefixes[] = {
    {"model.diffusion_model.", "unet"},
    {"first_stage_model.", "vae"},
    {"cond_stage_model.transformer.", "text_encoder"},
    {"cond_stage_model.model.", "text_encoder"},
    {"conditioner.embedders.0.transformer.", "text_encoder"},
    {"conditioner.embedders.1.model.", "text_encoder_2"},
    {"conditioner.embedders.0.model.", "text_encoder_2"},  // the refiner's only one
    {"unet.", "unet"},
    {"vae.", "vae"},
    {"text_encoder.", "text_encoder"},
    {"text_encoder_2.", "text_encoder_2"},
};

// What training leaves in a file: moving averages of the weights, losses, noise schedules, and
// networks beside the model that weft takes no part of.
constexpr absl::string_view kSetAsidePrefixes[] = {"model_ema.",   "first_stage_model.loss.",
                                                   "depth_model.", "low_scale_model.",
                                                   "denoiser.",    "loss.",
                                                   "optimizer",    "callbacks."};
constexpr absl::string_view kSetAside[] = {"betas",
                                           "alphas_cumprod",
                                           "alphas_cumprod_prev",
                                           "sqrt_alphas_cumprod",
                                           "sqrt_one_minus_alphas_cumprod",
                                           "log_one_minus_alphas_cumprod",
                                           "sqrt_recip_alphas_cumprod",
                                           "sqrt_recipm1_alphas_cumprod",
                                           "posterior_variance",
                                           "posterior_log_variance_clipped",
                                           "posterior_mean_coef1",
                                           "posterior_mean_coef2",
                                           "logvar",
                                           "lvlb_weights",
                                           "global_step",
                                           "scale_factor",
                                           "v_pred",
                                           "edm_mean",
                                           "edm_std",
                                           "ztsnr"};
// Of text encoders: constants, and what CLIP's other half is compared by.
constexpr absl::string_view kSetAsideSuffixes[] = {"logit_scale", "attn_mask",
                                                   "embeddings.position_ids"};

bool IsSetAside(absl::string_view name) {
  const auto begins = [name](absl::string_view prefix) { return absl::StartsWith(name, prefix); };
  const auto ends = [name](absl::string_view suffix) { return absl::EndsWith(name, suffix); };
  return std::any_of(std::begin(kSetAsidePrefixes), std::end(kSetAsidePrefixes), begins) ||
         std::find(std::begin(kSetAside), std::end(kSetAside), name) != std::end(kSetAside) ||
         std::any_of(std::begin(kSetAsideSuffixes), std::end(kSetAsideSuffixes), ends);
}

// What adapters are made of: a LoRA in diffusers' dialect names its tensors after the parts too.
constexpr absl::string_view kOfAdapters[] = {".lora.", "_lora.", ".lora_", ".hada_", ".lokr_"};

bool IsOfAdapter(absl::string_view name) {
  return std::any_of(std::begin(kOfAdapters), std::end(kOfAdapters),
                     [name](absl::string_view piece) { return absl::StrContains(name, piece); });
}

// The part that a file without prefixes is, or "".
std::string BarePart(const NamedWeights& file) {
  const auto has = [&file](const char* name) { return file.contains(name); };
  if (has("input_blocks.0.0.weight") || has("time_embedding.linear_1.weight")) return "unet";
  if (has("decoder.conv_in.weight")) return "vae";
  if (has("text_model.embeddings.token_embedding.weight") ||
      has("embeddings.token_embedding.weight") || has("token_embedding.weight")) {
    return "text_encoder";
  }
  return "";
}

}  // namespace

FileParts SplitFile(const NamedWeights& file) {
  FileParts split;
  const std::string bare = BarePart(file);
  split.bare = !bare.empty();
  for (const auto& [name, weight] : file) {
    if (IsSetAside(name)) {
      split.set_aside.push_back(name);
      continue;
    }
    if (split.bare) {
      split.parts[bare].emplace(name, weight);
      continue;
    }
    const auto at = std::find_if(
        std::begin(kPrefixes), std::end(kPrefixes),
        [&name = name](const PartPrefix& known) { return absl::StartsWith(name, known.prefix); });
    if (at == std::end(kPrefixes) || IsOfAdapter(name)) {
      split.unused.push_back(name);
    } else {
      split.parts[std::string(at->part)].emplace(name.substr(at->prefix.size()), weight);
    }
  }
  return split;
}

bool IsOriginalUnet(const NamedWeights& unet) { return unet.contains("input_blocks.0.0.weight"); }

bool IsOriginalVae(const NamedWeights& vae) {
  return vae.contains("decoder.up.0.block.0.norm1.weight");
}

bool IsOpenClip(const NamedWeights& text) {
  return text.contains("transformer.resblocks.0.ln_1.weight");
}

}  // namespace weft
