#ifndef WEFT_NODES_ADAPTERS_MODEL_MODULES_H_
#define WEFT_NODES_ADAPTERS_MODEL_MODULES_H_

#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "nodes/adapters/lora_names.h"
#include "runtime/weights/weight_store.h"

namespace weft {

// The modules of a network that have weights, and the names that LoRA files call them by. Names
// with underscores for dots are ambiguous, so they are looked up among what there is.
class ModelModules {
 public:
  ModelModules(const WeightStore& store, LoraPart part);

  // The module's name in the store, without ".weight"; or "" where there is none.
  std::string Find(const ModuleName& name) const;
  // The nearest names, for errors.
  std::string DidYouMeanFor(const ModuleName& name) const;

 private:
  absl::btree_map<std::string, std::string> dotted_;
  absl::btree_map<std::string, std::string> underscored_;
};

// What the original UNet (ldm's UNetModel) calls diffusers' module: "input_blocks.4.1.proj_in" for
// "down_blocks.1.attentions.0.proj_in". `resnets`: how many each level of the way down has. "" for
// modules that have no such name.
std::string OriginalUnetName(absl::string_view module, absl::Span<const int64_t> resnets,
                             bool attention_before_upsampling);

}  // namespace weft

#endif  // WEFT_NODES_ADAPTERS_MODEL_MODULES_H_
