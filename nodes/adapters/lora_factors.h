#ifndef WEFT_NODES_ADAPTERS_LORA_FACTORS_H_
#define WEFT_NODES_ADAPTERS_LORA_FACTORS_H_

#include <memory>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "nodes/adapters/lora_config.h"
#include "nodes/adapters/lora_names.h"
#include "runtime/weights/weight_adapter.h"

namespace weft {

// The tensors of one module by what they are.
using LoraFactors = absl::btree_map<Factor, Weight>;

// The adapters that they make: LoRA (down, up, mid), LoHa (hada_…), LoKr (lokr_…) or a plain
// difference, each with or without magnitudes. Reads the alpha. Errors say what is missing.
struct LoraAdapters {
  std::shared_ptr<const WeightAdapter> weight;  // or null
  std::shared_ptr<const WeightAdapter> bias;    // or null
};
absl::StatusOr<LoraAdapters> AdaptersOf(const LoraFactors& factors, const LoraConfig& config,
                                        absl::string_view module);

}  // namespace weft

#endif  // WEFT_NODES_ADAPTERS_LORA_FACTORS_H_
