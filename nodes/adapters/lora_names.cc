#include "nodes/adapters/lora_names.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace weft {
namespace {

struct Ending {
  absl::string_view text;
  Factor factor;
};

// Each dialect has its own endings, and none is the end of another's that means something else.
constexpr Ending kEndings[] = {
    // kohya-ss
    {".lora_down.weight", Factor::kDown},
    {".lora_up.weight", Factor::kUp},
    {".lora_mid.weight", Factor::kMid},
    {".alpha", Factor::kAlpha},
    {".dora_scale", Factor::kMagnitude},
    {".diff", Factor::kDiff},
    {".diff_b", Factor::kBiasDiff},
    {".w_norm", Factor::kDiff},
    {".b_norm", Factor::kBiasDiff},
    // LyCORIS, and PEFT's of the same kinds
    {".hada_w1_a", Factor::kHadaW1A},
    {".hada_w1_b", Factor::kHadaW1B},
    {".hada_t1", Factor::kHadaT1},
    {".hada_w2_a", Factor::kHadaW2A},
    {".hada_w2_b", Factor::kHadaW2B},
    {".hada_t2", Factor::kHadaT2},
    {".lokr_w1", Factor::kLokrW1},
    {".lokr_w1_a", Factor::kLokrW1A},
    {".lokr_w1_b", Factor::kLokrW1B},
    {".lokr_w2", Factor::kLokrW2},
    {".lokr_w2_a", Factor::kLokrW2A},
    {".lokr_w2_b", Factor::kLokrW2B},
    {".lokr_t2", Factor::kLokrT2},
    // diffusers: attention processors, then layers, then text encoders
    {"_lora.down.weight", Factor::kDown},
    {"_lora.up.weight", Factor::kUp},
    {".lora.down.weight", Factor::kDown},
    {".lora.up.weight", Factor::kUp},
    {".lora_linear_layer.down.weight", Factor::kDown},
    {".lora_linear_layer.up.weight", Factor::kUp},
    // PEFT
    {".lora_A.weight", Factor::kDown},
    {".lora_B.weight", Factor::kUp},
    {".lora_B.bias", Factor::kUpBias},
    {".lora_A.default.weight", Factor::kDown},
    {".lora_B.default.weight", Factor::kUp},
    {".lora_B.default.bias", Factor::kUpBias},
    {".lora_magnitude_vector", Factor::kRowLengths},
    {".lora_magnitude_vector.weight", Factor::kRowLengths},
    {".lora_magnitude_vector.default.weight", Factor::kRowLengths},
};

struct Beginning {
  absl::string_view text;
  LoraDialect dialect;
  std::optional<LoraPart> part;
  bool underscored;
};

constexpr Beginning kBeginnings[] = {
    {"lora_unet_", LoraDialect::kKohya, LoraPart::kUnet, true},
    {"lora_te1_", LoraDialect::kKohya, LoraPart::kClip, true},
    {"lora_te2_", LoraDialect::kKohya, LoraPart::kClip2, true},
    {"lora_te_", LoraDialect::kKohya, LoraPart::kClip, true},
    {"lycoris_", LoraDialect::kKohya, std::nullopt, true},
    {"diffusion_model.", LoraDialect::kKohya, LoraPart::kUnet, true},
    {"base_model.model.", LoraDialect::kPeft, std::nullopt, false},
    {"unet.", LoraDialect::kDiffusers, LoraPart::kUnet, false},
    {"text_encoder.", LoraDialect::kDiffusers, LoraPart::kClip, false},
    {"text_encoder_2.", LoraDialect::kDiffusers, LoraPart::kClip2, false},
};

// Diffusers' attention processors named the text encoder's projections as the UNet's.
constexpr std::pair<absl::string_view, absl::string_view> kTextProjections[] = {
    {".self_attn.to_q", ".self_attn.q_proj"},
    {".self_attn.to_k", ".self_attn.k_proj"},
    {".self_attn.to_v", ".self_attn.v_proj"},
    {".self_attn.to_out", ".self_attn.out_proj"},
};

std::string Dotted(absl::string_view module) {
  std::string name = absl::StrReplaceAll(module, {{".processor.", "."}});
  for (const auto& [from, to] : kTextProjections) {
    if (absl::EndsWith(name, from)) {
      return absl::StrCat(absl::StripSuffix(name, from), to);
    }
  }
  if (absl::EndsWith(name, ".to_out")) name += ".0";
  return name;
}

}  // namespace

absl::string_view NameOf(LoraPart part) {
  switch (part) {
    case LoraPart::kUnet:
      return "UNet";
    case LoraPart::kClip:
      return "text encoder";
    case LoraPart::kClip2:
      return "second text encoder";
  }
  return "";
}

absl::string_view NameOf(LoraDialect dialect) {
  switch (dialect) {
    case LoraDialect::kKohya:
      return "kohya";
    case LoraDialect::kDiffusers:
      return "diffusers";
    case LoraDialect::kPeft:
      return "PEFT";
  }
  return "";
}

std::optional<FactorName> ParseFactorName(absl::string_view tensor) {
  for (const Ending& ending : kEndings) {
    if (tensor.size() > ending.text.size() && absl::EndsWith(tensor, ending.text)) {
      return FactorName{std::string(absl::StripSuffix(tensor, ending.text)), ending.factor};
    }
  }
  return std::nullopt;
}

ModuleName ParseModuleName(absl::string_view module) {
  ModuleName parsed;
  for (const Beginning& beginning : kBeginnings) {
    if (!absl::ConsumePrefix(&module, beginning.text)) continue;
    parsed.dialect = beginning.dialect;
    parsed.part = beginning.part;
    parsed.underscored = beginning.underscored;
    break;
  }
  parsed.name = parsed.underscored ? absl::StrReplaceAll(module, {{".", "_"}}) : Dotted(module);
  const absl::string_view text_model = parsed.underscored ? "text_model_" : "text_model.";
  const absl::string_view layers = parsed.underscored ? "encoder_layers_" : "encoder.layers.";
  absl::string_view name = parsed.name;
  const bool of_text = absl::ConsumePrefix(&name, text_model) || absl::StartsWith(name, layers);
  if (!parsed.part.has_value()) parsed.part = of_text ? LoraPart::kClip : LoraPart::kUnet;
  parsed.name = std::string(name);
  return parsed;
}

}  // namespace weft
