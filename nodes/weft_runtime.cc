#include "nodes/weft_runtime.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "nodes/register_nodes.h"
#include "runtime/backend/cpu/cpu_backend.h"
#include "runtime/backend/meta/meta_backend.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/signature.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

// The names of the graphs in `folders`.
std::vector<std::string> Stems(const std::vector<std::string>& folders,
                               const std::vector<std::string>& extensions) {
  std::vector<std::string> stems;
  for (const std::string& folder : folders) {
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      const std::string extension = it->path().extension().string();
      if (std::find(extensions.begin(), extensions.end(), extension) == extensions.end()) continue;
      if (absl::EndsWith(it->path().stem().string(), ".schema")) continue;
      stems.push_back(it->path().stem().string());
    }
  }
  std::sort(stems.begin(), stems.end());
  stems.erase(std::unique(stems.begin(), stems.end()), stems.end());
  return stems;
}

}  // namespace

absl::StatusOr<std::unique_ptr<WeftRuntime>> WeftRuntime::Make(absl::string_view prefix,
                                                               absl::string_view models) {
  std::unique_ptr<WeftRuntime> made(new WeftRuntime());
  WEFT_RETURN_IF_ERROR(RegisterNodes(made->registry_));
  made->backend_ = MakeCpuBackend();
  made->meta_backend_ = MakeMetaBackend();
  Runtime& runtime = made->runtime_;
  runtime.registry = &made->registry_;
  runtime.backend = made->backend_.get();
  runtime.meta_backend = made->meta_backend_.get();
  for (const absl::string_view folder : absl::StrSplit(models, ':', absl::SkipEmpty())) {
    runtime.model_folders.emplace_back(folder);
  }
  const auto add = [&made, &runtime](const fs::path& graphs, const fs::path& models_folder) {
    std::error_code error;
    if (fs::is_directory(models_folder, error)) {
      runtime.model_folders.push_back(models_folder.string());
    }
    if (!fs::is_directory(graphs, error)) return;
    made->graph_folders_.push_back(graphs.string());
    runtime.parts_folders.push_back((graphs / "parts").string());
  };
  if (!prefix.empty()) {
    const fs::path share = fs::path(std::string(prefix)) / "share" / "weft";
    add(share / "graphs", share / "models");
  }
  const fs::path source(WEFT_SOURCE_FOLDER);
  add(source / "graphs", source / "examples" / "models");
  add({},
      source / ".deps" / "models");  // CLIP's vocabulary, which examples/dependencies.sh fetches
  return made;
}

absl::StatusOr<std::string> WeftRuntime::FindGraph(const std::string& name) const {
  std::error_code error;
  const std::vector<std::string> extensions = GraphExtensions(runtime_.readers);
  std::vector<fs::path> places = {name};
  for (const std::string& extension : extensions) places.emplace_back(name + extension);
  const fs::path given(name);
  if (given.is_relative()) {
    const fs::path below = absl::StartsWith(name, "graphs/") ? fs::path(name.substr(7)) : given;
    for (const std::string& folder : graph_folders_) {
      places.push_back(fs::path(folder) / below);
      for (const std::string& extension : extensions) {
        places.push_back(fs::path(folder) / (below.string() + extension));
      }
    }
  }
  for (const fs::path& place : places) {
    if (fs::is_regular_file(place, error)) return place.string();
  }
  std::vector<std::string> folders = graph_folders_;
  if (given.has_parent_path()) folders.push_back(given.parent_path().string());
  folders.emplace_back(".");
  return absl::NotFoundError(absl::StrCat(
      "there is no graph \"", name, "\"", fs::is_directory(given, error) ? ": it is a folder" : "",
      DidYouMean(given.stem().string(), Stems(folders, extensions))));
}

std::vector<Contract> WeftRuntime::InstalledComposites() const {
  Composites composites(runtime_.parts_folders, runtime_.readers);
  std::vector<std::string> names = composites.TypeNames();
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<Contract> contracts;
  const GraphDef none;
  for (const std::string& name : names) {
    // A file that cannot be understood is listed too: hiding it would leave its user wondering.
    absl::StatusOr<std::shared_ptr<const GraphDef>> graph = composites.Find(name, none);
    absl::StatusOr<Contract> contract =
        graph.ok() ? CompositeContract(name, **graph, registry_, composites) : graph.status();
    if (!contract.ok()) {
      contract = Contract{.type = name,
                          .doc = absl::StrCat("cannot be used: ", contract.status().message()),
                          .category = "composite"};
    }
    contracts.push_back(*std::move(contract));
  }
  return contracts;
}

absl::StatusOr<DType> ParsePrecision(absl::string_view text) {
  if (text == "auto") return BestCompute();
  const std::optional<DType> dtype = DTypeFromName(text);
  if (dtype == DType::kF32 || dtype == DType::kBF16) return *dtype;
  return Invalid("the precision is auto, f32 or bf16, not \"", text, "\"");
}

}  // namespace weft
