#include "nodes/adapters/apply.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "nodes/adapters/model_modules.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// One adapter on the weight of that name, which is replaced in `weights`.
absl::Status Put(const std::shared_ptr<const WeightAdapter>& adapter, double weight, LoraMode mode,
                 const std::string& name, absl::btree_map<std::string, Weight>& weights) {
  const auto target = weights.find(name);
  if (target == weights.end()) return Invalid("the network has no ", Quoted(name));
  const Shape& shape = target->second.shape();
  WEFT_RETURN_IF_ERROR(CheckAdapter(*adapter, shape));
  auto scaled = std::make_shared<WeightAdapter>(*adapter);
  scaled->scale *= weight;
  const bool nothing = scaled->scale == 0 && scaled->magnitude.empty();
  if (nothing) return absl::OkStatus();
  const bool live = mode == LoraMode::kLive && scaled->magnitude.empty() && shape.rank() >= 2;
  target->second = live ? target->second.WithLive(std::move(scaled))
                        : target->second.WithMerged(std::move(scaled));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<AdaptedStore> Adapt(const std::shared_ptr<const WeightStore>& base, const Lora& lora,
                                   LoraPart part, double weight, LoraMode mode) {
  const ModelModules modules(*base, part);
  absl::btree_map<std::string, Weight> weights = base->weights();
  AdaptedStore adapted;
  std::string hint;
  for (const LoraModule& module : lora.modules()) {
    if (module.name.part != part) continue;
    const std::string name = modules.Find(module.name);
    if (name.empty()) {
      if (adapted.unknown.empty()) hint = modules.DidYouMeanFor(module.name);
      adapted.unknown.push_back(module.file_name);
      continue;
    }
    const auto put = [&](const std::shared_ptr<const WeightAdapter>& adapter,
                         absl::string_view what) {
      if (adapter == nullptr) return absl::OkStatus();
      return Annotate(Put(adapter, weight, mode, absl::StrCat(name, what), weights),
                      absl::StrCat("\"", lora.path(), "\": module ", Quoted(module.file_name),
                                   " does not fit \"", name, "\" of \"", base->path(), "\""));
    };
    WEFT_RETURN_IF_ERROR(put(module.weight, ".weight"));
    WEFT_RETURN_IF_ERROR(put(module.bias, ".bias"));
    adapted.used.push_back(module.file_name);
  }
  if (adapted.used.empty() && !adapted.unknown.empty()) {
    return Invalid("\"", lora.path(), "\": none of its ", adapted.unknown.size(),
                   " modules for the ", NameOf(part), " is in \"", base->path(),
                   "\"; the first is ", Quoted(adapted.unknown[0]), hint);
  }
  adapted.store = WeightStore::OfWeights(base->path(), std::move(weights))->WithInt8(base->int8());
  return adapted;
}

}  // namespace weft
