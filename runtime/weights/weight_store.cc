#include "runtime/weights/weight_store.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "absl/container/btree_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// Tensors that are in memory already.
class MemoryFile : public WeightFile {
 public:
  MemoryFile(std::string path, std::vector<Tensor> tensors)
      : path_(std::move(path)), tensors_(std::move(tensors)) {}
  const std::string& path() const override { return path_; }
  absl::StatusOr<Tensor> Read(size_t index) const override { return tensors_[index]; }

 private:
  std::string path_;
  std::vector<Tensor> tensors_;
};

// The index of a sharded model: which file holds which tensor.
//   {"metadata": {…}, "weight_map": {"conv_in.weight": "diffusion_pytorch_model-00001-of-…"}}
absl::StatusOr<absl::btree_map<std::string, std::string>> ReadIndex(const std::string& path) {
  WEFT_ASSIGN_OR_RETURN(const nlohmann::json json, ReadJsonFile(path));
  const auto map = json.is_object() ? json.find("weight_map") : json.end();
  if (!json.is_object() || map == json.end() || !map->is_object()) {
    return Invalid("\"", path, "\": has no \"weight_map\" object");
  }
  absl::btree_map<std::string, std::string> files;
  for (const auto& [name, file] : map->items()) {
    if (!file.is_string()) {
      return Invalid("\"", path, "\": the file of tensor ", Quoted(name), " is not a text");
    }
    const std::string& shard = file.get_ref<const std::string&>();
    // A shard lies beside its index: nothing else may be opened through it.
    if (shard.empty() || absl::StrContains(shard, "/") || absl::StrContains(shard, "\\") ||
        shard.find('\0') != std::string::npos) {
      return Invalid("\"", path, "\": tensor ", Quoted(name), " is said to be in ", Quoted(shard),
                     ", which is not the name of a file beside it");
    }
    files.emplace(name, shard);
  }
  if (files.empty()) return Invalid("\"", path, "\": its \"weight_map\" is empty");
  return files;
}

}  // namespace

CanonicalName WithoutPrefix(std::string prefix) {
  return [prefix = std::move(prefix)](absl::string_view name) {
    return std::string(absl::StartsWith(name, prefix) ? name.substr(prefix.size()) : name);
  };
}

absl::Status WeightStore::Add(const std::string& path) {
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const ListedWeightFile> file, OpenWeightFile(path));
  for (size_t i = 0; i < file->tensors().size(); ++i) {
    const StoredTensor& tensor = file->tensors()[i];
    Weight weight(file, i, tensor.name, tensor.dtype, tensor.shape);
    if (!weights_.emplace(tensor.name, std::move(weight)).second) {
      return Invalid("\"", path, "\": tensor ", Quoted(tensor.name),
                     " is in another shard as well");
    }
  }
  files_.push_back(file);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<WeightStore>> WeightStore::Open(const std::string& path) {
  auto store = std::make_shared<WeightStore>();
  store->path_ = path;
  WEFT_RETURN_IF_ERROR(store->Add(path));
  return store;
}

absl::StatusOr<std::shared_ptr<WeightStore>> WeightStore::OpenShards(const std::string& index) {
  WEFT_ASSIGN_OR_RETURN(const auto map, ReadIndex(index));
  absl::btree_set<std::string> shards;
  for (const auto& [name, shard] : map) shards.insert(shard);
  auto store = std::make_shared<WeightStore>();
  store->path_ = index;
  const std::filesystem::path folder = std::filesystem::path(index).parent_path();
  for (const std::string& shard : shards) {
    WEFT_RETURN_IF_ERROR(store->Add((folder / shard).string()));
  }
  for (const auto& [name, shard] : map) {
    if (store->Find(name) == nullptr) {
      return Invalid("\"", index, "\": tensor ", Quoted(name), " is not in ", Quoted(shard),
                     ", where the index says it is");
    }
  }
  return store;
}

absl::StatusOr<std::shared_ptr<WeightStore>> WeightStore::OpenFolder(const std::string& folder,
                                                                     absl::string_view stem) {
  const std::filesystem::path in(folder);
  std::vector<std::string> tried;
  const auto look = [&](const std::string& name) {
    tried.push_back(name);
    return FileExists((in / name).string());
  };
  // transformers calls its pickles otherwise than its safetensors.
  const std::string pickle_stem = stem == "model" ? "pytorch_model" : std::string(stem);
  struct Naming {
    std::string stem;
    std::vector<std::string> endings;
  };
  const std::array<Naming, 2> namings = {
      {{std::string(stem), {".safetensors", ".safetensors.zst"}}, {pickle_stem, {".bin"}}}};
  for (const Naming& naming : namings) {
    for (const absl::string_view variant : {"", ".fp16", ".bf16"}) {
      for (const std::string& ending : naming.endings) {
        const std::string name = absl::StrCat(naming.stem, variant, ending);
        if (look(name)) return Open((in / name).string());
      }
      // transformers and diffusers put the variant on either side.
      const std::string sharded = naming.endings.front();
      std::vector<std::string> indices = {
          absl::StrCat(naming.stem, variant, sharded, ".index.json")};
      if (!variant.empty()) {
        indices.push_back(absl::StrCat(naming.stem, sharded, ".index", variant, ".json"));
      }
      for (const std::string& index : indices) {
        if (look(index)) return OpenShards((in / index).string());
      }
    }
  }
  // GGUF has no fixed name within a folder: the only file of it is the one that is meant.
  std::vector<std::string> ggufs;
  std::error_code error;
  for (std::filesystem::directory_iterator it(in, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().extension() == ".gguf") ggufs.push_back(it->path().filename().string());
  }
  if (ggufs.size() == 1) return Open((in / ggufs[0]).string());
  if (ggufs.size() > 1) {
    std::sort(ggufs.begin(), ggufs.end());
    return absl::NotFoundError(absl::StrCat("\"", folder, "\": holds several GGUF files, ",
                                            absl::StrJoin(ggufs, ", "),
                                            ": which one is meant cannot be told"));
  }
  return absl::NotFoundError(absl::StrCat("\"", folder, "\": holds no weights; looked for ",
                                          absl::StrJoin(tried, ", "), ", and a .gguf file"));
}

std::shared_ptr<WeightStore> WeightStore::Of(std::string path,
                                             absl::btree_map<std::string, Tensor> tensors) {
  std::vector<Tensor> list;
  for (auto& [name, tensor] : tensors) list.push_back(std::move(tensor));
  auto store = std::make_shared<WeightStore>();
  store->path_ = path;
  const auto file = std::make_shared<const MemoryFile>(std::move(path), list);
  size_t index = 0;
  for (const auto& [name, moved] : tensors) {
    const Tensor& tensor = list[index];
    store->weights_.emplace(name, Weight(file, index++, name, tensor.dtype(), tensor.shape()));
  }
  return store;
}

std::shared_ptr<WeightStore> WeightStore::OfWeights(std::string path,
                                                    absl::btree_map<std::string, Weight> weights) {
  auto store = std::make_shared<WeightStore>();
  store->path_ = std::move(path);
  store->weights_ = std::move(weights);
  return store;
}

absl::StatusOr<std::shared_ptr<WeightStore>> WeightStore::Renamed(
    const CanonicalName& canonical) const {
  auto store = std::make_shared<WeightStore>();
  store->path_ = path_;
  store->files_ = files_;
  for (const auto& [name, weight] : weights_) {
    const auto [at, added] = store->weights_.emplace(canonical(name), weight);
    if (!added) {
      return Invalid("\"", path_, "\": tensors ", Quoted(at->second.name()), " and ",
                     Quoted(weight.name()), " both stand for ", Quoted(at->first));
    }
  }
  return store;
}

std::shared_ptr<WeightStore> WeightStore::WithInt8(std::shared_ptr<const Int8Table> table) const {
  auto store = std::make_shared<WeightStore>(*this);
  store->int8_ = std::move(table);
  return store;
}

const Weight* WeightStore::Find(absl::string_view name) const {
  const auto it = weights_.find(std::string(name));
  return it != weights_.end() ? &it->second : nullptr;
}

}  // namespace weft
