#ifndef WEFT_NODES_MODELS_LAYOUTS_H_
#define WEFT_NODES_MODELS_LAYOUTS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "runtime/weights/weight.h"

namespace weft {

// The names that networks bind are diffusers' and transformers'. Checkpoints of the original
// repositories (CompVis' latent diffusion, Stability's generative models, OpenCLIP) have others;
// here is how each layout becomes the other, in both directions. No data is read.

using NamedWeights = absl::btree_map<std::string, Weight>;

// Weights under their names in another layout, and the names that stand for nothing there.
struct Relaid {
  NamedWeights weights;
  std::vector<std::string> unknown;
};

// Pairs of dotted prefixes that stand for each other: "time_embed.0" and "time_embedding.linear_1".
class NamePairs {
 public:
  void Add(std::string original, std::string diffusers);
  // `name` with the longest prefix that is known replaced, or "" where none is.
  std::string ToDiffusers(const std::string& name) const { return Replace(to_diffusers_, name); }
  std::string ToOriginal(const std::string& name) const { return Replace(to_original_, name); }

 private:
  using Map = absl::flat_hash_map<std::string, std::string>;
  static std::string Replace(const Map& map, const std::string& name);
  Map to_diffusers_;
  Map to_original_;
};

// UNet2DConditionModel; original names begin with "input_blocks", "middle_block", "time_embed" ….
NamePairs UnetNames(const NamedWeights& diffusers);
Relaid UnetToDiffusers(const NamedWeights& original);
Relaid UnetToOriginal(const NamedWeights& diffusers);

// AutoencoderKL; original names are "encoder.down.0.block.0.conv1.weight" ….
Relaid VaeToDiffusers(const NamedWeights& original);
Relaid VaeToOriginal(const NamedWeights& diffusers);

// CLIPTextModel(WithProjection), with the prefix "text_model."; original: OpenCLIP's names, where
// query, key and value are one tensor.
Relaid TextToDiffusers(const NamedWeights& open_clip);
Relaid TextToOriginal(const NamedWeights& diffusers);

}  // namespace weft

#endif  // WEFT_NODES_MODELS_LAYOUTS_H_
