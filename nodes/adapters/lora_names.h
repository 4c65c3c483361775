#ifndef WEFT_NODES_ADAPTERS_LORA_NAMES_H_
#define WEFT_NODES_ADAPTERS_LORA_NAMES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace weft {

// What one tensor of a LoRA file is for its module.
enum class Factor : uint8_t {
  kDown,
  kUp,
  kMid,
  kUpBias,
  kAlpha,
  kMagnitude,   // of rows, or of inputs where it is [1, inputs]: LyCORIS' dora_scale
  kRowLengths,  // of rows: PEFT's lora_magnitude_vector
  kDiff,
  kBiasDiff,
  kHadaW1A,
  kHadaW1B,
  kHadaT1,
  kHadaW2A,
  kHadaW2B,
  kHadaT2,
  kLokrW1,
  kLokrW1A,
  kLokrW1B,
  kLokrW2,
  kLokrW2A,
  kLokrW2B,
  kLokrT2,
};

// Which network a module belongs to.
enum class LoraPart : uint8_t { kUnet, kClip, kClip2 };
absl::string_view NameOf(LoraPart part);  // "UNet", "text encoder", "second text encoder"

enum class LoraDialect : uint8_t { kKohya, kDiffusers, kPeft };
absl::string_view NameOf(LoraDialect dialect);

// A tensor's name taken apart: "unet.mid_block.attentions.0.proj_in.lora_A.weight" is kDown of
// "unet.mid_block.attentions.0.proj_in". None for names of no dialect.
struct FactorName {
  std::string module;
  Factor factor = Factor::kDown;
};
std::optional<FactorName> ParseFactorName(absl::string_view tensor);

// A module's name without what a dialect puts around it.
struct ModuleName {
  LoraDialect dialect = LoraDialect::kDiffusers;
  std::optional<LoraPart> part;  // none: the dialect does not say
  std::string name;              // diffusers' or transformers' (without "text_model.") …
  bool underscored = false;      // … or, where this is true, any layout's with _ for each dot
};
ModuleName ParseModuleName(absl::string_view module);

}  // namespace weft

#endif  // WEFT_NODES_ADAPTERS_LORA_NAMES_H_
