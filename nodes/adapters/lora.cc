#include "nodes/adapters/lora.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nodes/adapters/lora_factors.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"
#include "runtime/weights/weight_store.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kFolderFiles[] = {"adapter_model.safetensors",
                                              "pytorch_lora_weights.safetensors",
                                              "adapter_model.bin", "pytorch_lora_weights.bin"};

// The weight file of `path`, and the adapter_config.json beside it, or "".
struct Files {
  std::string weights;
  std::string config;
};
absl::StatusOr<Files> FilesOf(const std::string& path) {
  std::error_code error;
  Files files{path, ""};
  if (fs::is_directory(path, error)) {
    files.weights = "";
    for (const absl::string_view name : kFolderFiles) {
      const std::string file = (fs::path(path) / std::string(name)).string();
      if (files.weights.empty() && FileExists(file)) files.weights = file;
    }
    if (files.weights.empty()) {
      return absl::NotFoundError(absl::StrCat("\"", path, "\": holds no adapters; looked for ",
                                              absl::StrJoin(kFolderFiles, ", ")));
    }
  }
  const fs::path weights(files.weights);
  const fs::path config = weights.parent_path() / "adapter_config.json";
  const bool of_peft = absl::StartsWith(weights.filename().string(), "adapter_model");
  if (of_peft && FileExists(config.string())) files.config = config.string();
  return files;
}

absl::string_view PrefixOf(LoraPart part) {
  switch (part) {
    case LoraPart::kUnet:
      return "unet.";
    case LoraPart::kClip:
      return "text_encoder.";
    case LoraPart::kClip2:
      return "text_encoder_2.";
  }
  return "";
}

// The configs of each part: of the file beside, or of the metadata that diffusers writes.
using Configs = absl::btree_map<LoraPart, LoraConfig>;
absl::StatusOr<Configs> ReadConfigs(const Files& files, const WeightStore& store) {
  constexpr LoraPart kParts[] = {LoraPart::kUnet, LoraPart::kClip, LoraPart::kClip2};
  Configs configs;
  if (!files.config.empty()) {
    WEFT_ASSIGN_OR_RETURN(const nlohmann::json json, ReadJsonFile(files.config));
    absl::StatusOr<LoraConfig> config = LoraConfig::Parse(json.dump());
    if (!config.ok()) {
      return Annotate(config.status(), absl::StrCat("\"", files.config, "\""));
    }
    for (const LoraPart part : kParts) configs[part] = *config;
    return configs;
  }
  for (const auto& file : store.files()) {
    const auto found = file->metadata().find("lora_adapter_metadata");
    if (found == file->metadata().end()) continue;
    for (const LoraPart part : kParts) {
      const bool parted = absl::StrContains(found->second, absl::StrCat("\"", PrefixOf(part)));
      const bool any_parted = absl::StrContains(found->second, "\"unet.") ||
                              absl::StrContains(found->second, "\"text_encoder");
      if (any_parted && !parted) continue;
      absl::StatusOr<LoraConfig> config =
          LoraConfig::Parse(found->second, parted ? PrefixOf(part) : absl::string_view());
      if (!config.ok()) {
        return Annotate(config.status(),
                        absl::StrCat("\"", store.path(), "\": lora_adapter_metadata"));
      }
      configs[part] = *config;
    }
  }
  return configs;
}

// How wide the rows are that a module multiplies, or 0.
int64_t InputWidth(const WeightAdapter& adapter) {
  if (adapter.kind != WeightAdapter::Kind::kSum) return 0;
  const Weight& down = adapter.first.is_product() ? adapter.first.down : adapter.first.whole;
  const Shape& shape = down.shape();
  return shape.rank() >= 2 && shape.dim(0) > 0 ? shape.dim(1) : 0;
}

bool LooksAtText(const LoraModule& module) {
  const std::string& name = module.name.name;
  return module.name.part == LoraPart::kUnet && absl::StrContains(name, "attn2") &&
         (absl::EndsWith(name, "to_k") || absl::EndsWith(name, "to_v"));
}

absl::string_view KindOf(const WeightAdapter& adapter) {
  switch (adapter.kind) {
    case WeightAdapter::Kind::kHadamard:
      return "LoHa";
    case WeightAdapter::Kind::kKronecker:
      return "LoKr";
    case WeightAdapter::Kind::kSum:
      break;
  }
  if (!adapter.magnitude.empty()) return "DoRA";
  return adapter.first.is_product() ? "LoRA" : "difference";
}

}  // namespace

absl::string_view FamilyOfTextWidth(int64_t width) {
  switch (width) {
    case 768:
      return "SD 1.x";
    case 1024:
      return "SD 2.x";
    case 1280:
      return "SDXL's refiner";
    case 2048:
      return "SDXL";
    default:
      return "";
  }
}

absl::StatusOr<std::shared_ptr<const Lora>> Lora::Open(const std::string& path,
                                                       std::optional<LoraPart> part) {
  WEFT_ASSIGN_OR_RETURN(const Files files, FilesOf(path));
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<WeightStore> store, WeightStore::Open(files.weights));
  WEFT_ASSIGN_OR_RETURN(const Configs configs, ReadConfigs(files, *store));
  auto lora = std::shared_ptr<Lora>(new Lora);
  lora->path_ = files.weights;
  absl::btree_map<std::string, LoraFactors> modules;
  for (const auto& [name, weight] : store->weights()) {
    const std::optional<FactorName> factor = ParseFactorName(name);
    if (!factor.has_value()) {
      lora->unknown_.push_back(name);
    } else if (!modules[factor->module].emplace(factor->factor, weight).second) {
      return Invalid("\"", files.weights, "\": ", Quoted(name), " says the same as ",
                     Quoted(modules[factor->module][factor->factor].name()));
    }
  }
  for (const auto& [name, factors] : modules) {
    LoraModule module{.file_name = name, .name = ParseModuleName(name)};
    if (part.has_value() && module.name.dialect == LoraDialect::kPeft) module.name.part = part;
    const auto config = configs.find(*module.name.part);
    absl::StatusOr<LoraAdapters> adapters = AdaptersOf(
        factors, config != configs.end() ? config->second : LoraConfig(), module.name.name);
    if (!adapters.ok()) {
      return Annotate(adapters.status(),
                      absl::StrCat("\"", files.weights, "\": module ", Quoted(name)));
    }
    module.weight = adapters->weight;
    module.bias = adapters->bias;
    if (LooksAtText(module) && module.weight != nullptr && lora->text_width_ == 0) {
      lora->text_width_ = InputWidth(*module.weight);
    }
    lora->modules_.push_back(std::move(module));
  }
  if (lora->modules_.empty()) {
    return Invalid(
        "\"", files.weights, "\": is no LoRA: none of its ", lora->unknown_.size(),
        " tensors has a name of one",
        lora->unknown_.empty() ? "" : absl::StrCat("; the first is ", Quoted(lora->unknown_[0])));
  }
  return lora;
}

size_t Lora::CountOf(LoraPart part) const {
  return static_cast<size_t>(
      std::count_if(modules_.begin(), modules_.end(),
                    [part](const LoraModule& module) { return module.name.part == part; }));
}

std::vector<std::string> Lora::Kinds() const {
  std::vector<std::string> kinds;
  for (const LoraModule& module : modules_) {
    if (module.weight == nullptr) continue;
    const std::string kind(KindOf(*module.weight));
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
  }
  if (kinds.empty()) kinds.emplace_back("difference");
  return kinds;
}

std::string Lora::Description() const {
  int64_t least = 0;
  int64_t most = 0;
  for (const LoraModule& module : modules_) {
    if (module.weight == nullptr) continue;
    const int64_t rank = std::max(module.weight->first.rank(), module.weight->second.rank());
    if (rank == 0) continue;
    least = least == 0 ? rank : std::min(least, rank);
    most = std::max(most, rank);
  }
  std::string said = absl::StrJoin(Kinds(), " and ");
  if (const absl::string_view family = FamilyOfTextWidth(text_width_); !family.empty()) {
    absl::StrAppend(&said, " for ", family);
  }
  absl::StrAppend(&said, " (", NameOf(modules_[0].name.dialect));
  if (most > 0) absl::StrAppend(&said, ", rank ", least);
  if (most > least) absl::StrAppend(&said, " to ", most);
  std::vector<std::string> counts;
  for (const LoraPart part : {LoraPart::kUnet, LoraPart::kClip, LoraPart::kClip2}) {
    if (const size_t count = CountOf(part); count > 0) {
      counts.push_back(absl::StrCat(count, " of the ", NameOf(part)));
    }
  }
  absl::StrAppend(&said, "), modules: ", absl::StrJoin(counts, ", "));
  return said;
}

}  // namespace weft
