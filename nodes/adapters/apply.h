#ifndef WEFT_NODES_ADAPTERS_APPLY_H_
#define WEFT_NODES_ADAPTERS_APPLY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nodes/adapters/lora.h"
#include "runtime/weights/weight_store.h"

namespace weft {

enum class LoraMode : uint8_t { kMerged, kLive };

// A network's weights with a LoRA on those that it changes; all others are the same weights, so
// that networks bound to both stores share what they pack.
struct AdaptedStore {
  std::shared_ptr<const WeightStore> store;
  std::vector<std::string> used;     // modules, as the LoRA's file spells them
  std::vector<std::string> unknown;  // that the network does not have
};

// Adds weight · Δ to each module of `part`. Live adapters stand beside the packed weights; those
// that need the weight itself (DoRA) and those of biases and norms are merged in either mode.
// Errors name the LoRA's module and the network's, and why they do not fit.
absl::StatusOr<AdaptedStore> Adapt(const std::shared_ptr<const WeightStore>& base, const Lora& lora,
                                   LoraPart part, double weight, LoraMode mode);

}  // namespace weft

#endif  // WEFT_NODES_ADAPTERS_APPLY_H_
