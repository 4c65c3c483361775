// weft models: what is in the folders of models, by the names that graphs call them.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/base/file.h"
#include "runtime/command/command.h"
#include "runtime/command/describe_model.h"
#include "runtime/exec/process_memory.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kEndings[] = {
    ".safetensors", ".safetensors.zst", ".ckpt", ".gguf", ".pt", ".bin"};

struct Listed {
  std::string name;
  std::string what;
  std::string dtype;
  size_t bytes = 0;
};

bool IsModelFile(const fs::path& path) {
  return std::any_of(std::begin(kEndings), std::end(kEndings), [&path](absl::string_view ending) {
    return absl::EndsWith(path.string(), ending);
  });
}

bool IsModelFolder(const fs::path& path) {
  return FileExists((path / "model_index.json").string()) ||
         FileExists((path / "unet" / "config.json").string()) ||
         FileExists((path / "adapter_config.json").string());
}

// From headers alone: no part is bound.
Listed Describe(const fs::path& path, std::string name) {
  Listed listed{.name = std::move(name)};
  absl::btree_map<std::string, size_t> dtypes;
  const auto count = [&](const NamedWeights& weights) {
    for (const auto& [tensor, weight] : weights) {
      const size_t bytes = static_cast<size_t>(weight.shape().numel()) * SizeOf(weight.dtype());
      listed.bytes += bytes;
      dtypes[std::string(Name(weight.dtype()))] += bytes;
    }
  };
  const absl::StatusOr<Checkpoint> checkpoint = OpenCheckpoint(path.string());
  if (checkpoint.ok()) {
    for (const auto& [part, source] : checkpoint->parts) count(source.store->weights());
    const std::string first = checkpoint->parts.begin()->first;
    listed.what = checkpoint->family != nullptr ? std::string(checkpoint->family->name) : first;
    if (checkpoint->family != nullptr && checkpoint->parts.size() == 1) listed.what += " UNet";
  } else {
    const auto other = DescribeModel(path.string());
    if (other.ok()) {
      listed.what = other->value("description", other->value("kind", ""));
      for (const auto& [dtype, parameters] : (*other)["dtypes"].items()) {
        dtypes[dtype] = static_cast<size_t>(parameters.get<int64_t>());
      }
      listed.bytes = (*other)["bytes"].get<size_t>();
    } else {
      listed.what = "cannot be read";
    }
  }
  size_t most = 0;
  for (const auto& [dtype, bytes] : dtypes) {
    if (bytes > most) listed.dtype = dtype;
    most = std::max(most, bytes);
  }
  return listed;
}

// Models lie in a folder, or one folder deeper.
void Collect(const fs::path& folder, const std::string& prefix, int depth,
             std::vector<Listed>& models) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    entries.push_back(it->path());
  }
  std::sort(entries.begin(), entries.end());
  for (const fs::path& entry : entries) {
    const std::string base = entry.filename().string();
    if (fs::is_directory(entry, error)) {
      if (IsModelFolder(entry)) {
        models.push_back(Describe(entry, prefix + base));
      } else if (depth > 0) {
        Collect(entry, absl::StrCat(prefix, base, "/"), depth - 1, models);
      }
    } else if (IsModelFile(entry)) {
      models.push_back(Describe(entry, prefix + base));
    }
  }
}

int Models() {
  const absl::StatusOr<std::unique_ptr<WeftRuntime>> weft = OpenRuntime();
  if (!weft.ok()) return Fail(kRunFailed, weft.status());
  for (const std::string& folder : (*weft)->runtime().model_folders) {
    std::vector<Listed> models;
    Collect(folder, "", 1, models);
    if (models.empty()) continue;
    std::printf("%s\n", folder.c_str());
    size_t widest = 0;
    for (const Listed& model : models) widest = std::max(widest, model.name.size());
    for (const Listed& model : models) {
      absl::PrintF("  %-*s  %-5s %9s  %s\n", static_cast<int>(widest), model.name, model.dtype,
                   BytesText(model.bytes), model.what);
    }
  }
  return kOk;
}

}  // namespace

void AddModelsCommand(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand(
      "models", "List the models along WEFT_MODELS and those installed, as graphs may name them");
  command->callback([&chosen] { chosen = [] { return Models(); }; });
}

}  // namespace weft
