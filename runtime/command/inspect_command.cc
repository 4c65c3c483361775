// weft inspect MODEL: what is in a model's folder or file, from its configs and headers alone.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"
#include "runtime/command/command.h"
#include "runtime/command/describe_model.h"
#include "runtime/exec/process_memory.h"
#include "runtime/weights/weight_file.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

// Config members that say nothing about the model's shape.
bool IsTold(absl::string_view key) {
  return !absl::StartsWith(key, "_") && key != "architectures" && key != "transformers_version";
}

bool IsWeights(const fs::path& path) {
  return absl::EndsWith(path.string(), ".safetensors") ||
         absl::EndsWith(path.string(), ".safetensors.zst");
}

std::vector<fs::path> FilesIn(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    files.push_back(it->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

absl::Status PrintWeights(const std::string& path) {
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const ListedWeightFile> file, OpenWeightFile(path));
  int64_t parameters = 0;
  size_t bytes = 0;
  std::map<std::string, int64_t> dtypes;
  for (const StoredTensor& tensor : file->tensors()) {
    parameters += tensor.shape.numel();
    bytes += tensor.bytes;
    dtypes[tensor.type] += tensor.shape.numel();
  }
  std::error_code error;
  const auto on_disk = static_cast<size_t>(fs::file_size(path, error));
  absl::PrintF("  %s: %d tensors, %s parameters, %s, %s%s\n", fs::path(path).filename().string(),
               file->tensors().size(), CountText(parameters),
               absl::StrJoin(dtypes, ", ",
                             [&](std::string* out, const auto& dtype) {
                               absl::StrAppend(out, dtype.first);
                               if (dtypes.size() > 1) {
                                 absl::StrAppend(out, " (", CountText(dtype.second), ")");
                               }
                             }),
               BytesText(bytes),
               on_disk < bytes ? absl::StrCat(", ", BytesText(on_disk), " on disk") : "");
  return absl::OkStatus();
}

absl::Status PrintConfig(const std::string& path) {
  WEFT_ASSIGN_OR_RETURN(const nlohmann::json config, ReadJsonFile(path));
  if (!config.is_object()) return Invalid("\"", path, "\": is not an object");
  std::string kind;
  if (config.contains("_class_name") && config["_class_name"].is_string()) {
    kind = config["_class_name"].get<std::string>();
  } else if (config.contains("architectures") && config["architectures"].is_array()) {
    for (const nlohmann::json& name : config["architectures"]) {
      if (name.is_string())
        absl::StrAppend(&kind, kind.empty() ? "" : ", ", name.get<std::string>());
    }
  }
  absl::PrintF("  %s: %s\n", fs::path(path).filename().string(), kind.empty() ? "unnamed" : kind);
  for (const auto& [key, value] : config.items()) {
    if (!IsTold(key) || value.is_null() || value.is_object()) continue;
    std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    constexpr size_t kLongest = 72;
    if (text.size() > kLongest) text = text.substr(0, kLongest) + "…";
    absl::PrintF("    %s = %s\n", key, text);
  }
  return absl::OkStatus();
}

// A part of a model: a folder of configs, weights or vocabulary. Other files are only named.
absl::Status PrintPart(const fs::path& folder, const std::string& name, bool& found) {
  std::vector<std::string> others;
  bool titled = false;
  const auto title = [&] {
    if (!titled) absl::PrintF("%s%s\n", found ? "\n" : "", name);
    titled = true;
    found = true;
  };
  for (const fs::path& file : FilesIn(folder)) {
    std::error_code error;
    if (!fs::is_regular_file(file, error)) continue;
    const std::string base = file.filename().string();
    if (IsWeights(file)) {
      title();
      WEFT_RETURN_IF_ERROR(PrintWeights(file.string()));
    } else if (base == "config.json" || base == "scheduler_config.json") {
      title();
      WEFT_RETURN_IF_ERROR(PrintConfig(file.string()));
    } else if (file.extension() == ".json" || base == "merges.txt") {
      if (base != "model_index.json") others.push_back(base);
    }
  }
  if (!others.empty()) {
    title();
    absl::PrintF("  %s\n", absl::StrJoin(others, ", "));
  }
  return absl::OkStatus();
}

absl::Status Inspect(const WeftRuntime& weft, const std::string& model, bool json) {
  Environment environment;
  environment.model_folders = weft.runtime().model_folders;
  WEFT_ASSIGN_OR_RETURN(const std::string path, environment.ModelPath(model));
  std::error_code error;
  const bool is_folder = fs::is_directory(path, error);
  const absl::StatusOr<nlohmann::ordered_json> described = DescribeModel(path);
  if (json) {
    WEFT_RETURN_IF_ERROR(described.status());
    const auto replace = nlohmann::ordered_json::error_handler_t::replace;
    std::puts(described->dump(2, ' ', false, replace).c_str());
    return absl::OkStatus();
  }
  if (!is_folder) {
    WEFT_RETURN_IF_ERROR(described.status());
    std::printf("%s\n%s", path.c_str(), ModelText(*described).c_str());
    return absl::OkStatus();
  }
  std::printf("%s\n", path.c_str());
  // Folders of other models, too, are told of file by file.
  if (described.ok()) std::printf("%s\n", ModelText(*described).c_str());
  bool found = false;
  WEFT_RETURN_IF_ERROR(PrintPart(path, "(the folder itself)", found));
  for (const fs::path& part : FilesIn(path)) {
    if (!fs::is_directory(part, error)) continue;
    WEFT_RETURN_IF_ERROR(PrintPart(part, part.filename().string(), found));
  }
  if (!found) return Invalid("\"", path, "\": holds no part of a model: no config, no weights");
  return absl::OkStatus();
}

}  // namespace

void AddInspectCommand(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand(
      "inspect", "Say what a model is: layout, family, parts, types, what is missing or unused");
  auto model = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  command->add_option("MODEL", *model, "A folder, a file, or a model's name")->required();
  command->add_flag("--json", *json, "Tell programs: one JSON object");
  command->callback([model, json, &chosen] {
    chosen = [model, json]() -> int {
      const absl::StatusOr<std::unique_ptr<WeftRuntime>> weft = OpenRuntime();
      if (!weft.ok()) return Fail(kRunFailed, weft.status());
      const absl::Status status = Inspect(**weft, *model, *json);
      return status.ok() ? kOk : FailToOpen(status);
    };
  });
}

}  // namespace weft
