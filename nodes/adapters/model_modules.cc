#include "nodes/adapters/model_modules.h"

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "nodes/models/layouts.h"
#include "runtime/base/nearest_name.h"

namespace weft {
namespace {

std::string Underscored(absl::string_view name) { return absl::StrReplaceAll(name, {{".", "_"}}); }

}  // namespace

ModelModules::ModelModules(const WeightStore& store, LoraPart part) {
  const NamePairs original = part == LoraPart::kUnet ? UnetNames(store.weights()) : NamePairs();
  for (const auto& [name, weight] : store.weights()) {
    absl::string_view module = name;
    // Tables of embeddings are looked up, not multiplied with: nothing can be added to them here.
    if (!absl::ConsumeSuffix(&module, ".weight") || absl::EndsWith(module, "token_embedding") ||
        absl::EndsWith(module, "position_embedding")) {
      continue;
    }
    const std::string canonical(part == LoraPart::kUnet ? module
                                                        : absl::StripPrefix(module, "text_model."));
    dotted_.emplace(canonical, module);
    underscored_.emplace(Underscored(canonical), module);
    if (const std::string name_there = original.ToOriginal(canonical); !name_there.empty()) {
      underscored_.emplace(Underscored(name_there), module);
    }
  }
}

std::string ModelModules::Find(const ModuleName& name) const {
  const auto& names = name.underscored ? underscored_ : dotted_;
  const auto found = names.find(name.name);
  return found != names.end() ? found->second : "";
}

std::string ModelModules::DidYouMeanFor(const ModuleName& name) const {
  std::vector<std::string> known;
  for (const auto& [known_name, module] : name.underscored ? underscored_ : dotted_) {
    known.push_back(known_name);
  }
  return DidYouMean(name.name, known);
}

}  // namespace weft
