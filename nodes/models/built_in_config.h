#ifndef WEFT_NODES_MODELS_BUILT_IN_CONFIG_H_
#define WEFT_NODES_MODELS_BUILT_IN_CONFIG_H_

#include <string>

#include "nodes/models/families.h"
#include "nodes/models/layouts.h"

namespace weft {

// Configurations for parts that come without a config.json, as JSON text that diffusers and
// transformers read as well. Whatever the tensors (under their canonical names) tell is taken from
// them; the rest is the family's.

FamilyTraits TraitsOf(const NamedWeights& unet);
std::string UnetConfigText(const NamedWeights& unet, const Family& family);
std::string VaeConfigText(const NamedWeights& vae, double scaling);
// `open_clip`: it is one of OpenCLIP's (GELU), not OpenAI's (quick GELU).
std::string TextConfigText(const NamedWeights& text, bool open_clip);
// `prediction` may differ from the family's; `zero_snr`: trained to a last step of pure noise.
std::string SchedulerConfigText(const Family& family, absl::string_view prediction, bool zero_snr);

}  // namespace weft

#endif  // WEFT_NODES_MODELS_BUILT_IN_CONFIG_H_
