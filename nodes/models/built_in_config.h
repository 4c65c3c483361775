#ifndef WEFT_NODES_MODELS_BUILT_IN_CONFIG_H_
#define WEFT_NODES_MODELS_BUILT_IN_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "nodes/models/families.h"
#include "nodes/models/layouts.h"

namespace weft {

// Configurations for parts that come without a config.json, as JSON text that diffusers and
// transformers read as well. Whatever the tensors (under their canonical names) tell is taken from
// them; the rest is the family's.

FamilyTraits TraitsOf(const NamedWeights& unet);
std::string UnetConfigText(const NamedWeights& unet, const Family& family);

// What the autoencoder's own tensors do not say.
struct LatentScale {
  double factor = 0.18215;   // latents are multiplied by it
  int64_t sample_size = 64;  // pixels of the latents it was trained on
  std::vector<float> mean;   // of each channel, where they are normalised by that
  std::vector<float> std;
};
std::string VaeConfigText(const NamedWeights& vae, const LatentScale& scale);
// `open_clip`: it is one of OpenCLIP's (GELU), not OpenAI's (quick GELU).
std::string TextConfigText(const NamedWeights& text, bool open_clip);

struct Training {
  std::string prediction;           // may differ from the family's
  bool prediction_guessed = false;  // nothing in the file says it
  bool zero_snr = false;            // to a last step of pure noise
  bool few_steps = false;           // a latent consistency model
};
std::string SchedulerConfigText(const Family& family, const Training& training);
// The x4 upscaler's other one, which noises the small picture.
std::string LowResSchedulerConfigText();

}  // namespace weft

#endif  // WEFT_NODES_MODELS_BUILT_IN_CONFIG_H_
