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

}  // namespace weft

#endif  // WEFT_NODES_ADAPTERS_MODEL_MODULES_H_
