#include "runtime/graph/environment.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

// Control characters have no place in a file's name, and a NUL would cut it short.
absl::Status CheckName(absl::string_view path) {
  if (path.empty()) return Invalid("the path is empty");
  for (const char c : path) {
    if (static_cast<unsigned char>(c) < 0x20) return Invalid("the path holds a control character");
  }
  if (path.size() > 4096) return Invalid("the path is longer than 4096 bytes");
  return absl::OkStatus();
}

absl::StatusOr<std::string> FirstThatExists(absl::string_view path,
                                            const std::vector<fs::path>& places) {
  std::error_code error;
  for (const fs::path& place : places) {
    if (fs::exists(place, error)) return place.lexically_normal().string();
  }
  std::vector<std::string> tried;
  for (const fs::path& place : places) tried.push_back(place.lexically_normal().string());
  return absl::NotFoundError(
      absl::StrCat("\"", path, "\" was not found; looked for ", absl::StrJoin(tried, ", ")));
}

}  // namespace

absl::StatusOr<std::string> Environment::InputPath(absl::string_view path) const {
  WEFT_RETURN_IF_ERROR(CheckName(path));
  const fs::path given{std::string(path)};
  if (given.is_absolute()) return FirstThatExists(path, {given});
  return FirstThatExists(path, {fs::path(graph_folder) / given, given});
}

absl::StatusOr<std::string> Environment::ModelPath(absl::string_view path) const {
  WEFT_RETURN_IF_ERROR(CheckName(path));
  const fs::path given{std::string(path)};
  std::vector<fs::path> places = {given};
  if (given.is_relative()) places = {fs::path(graph_folder) / given, given};
  // "models/sketch" is also found as "sketch" below a folder of models.
  fs::path below;
  for (auto it = given.begin(); it != given.end(); ++it) {
    if (it != given.begin()) below /= *it;
  }
  for (const std::string& folder :
       given.is_relative() ? model_folders : std::vector<std::string>()) {
    places.push_back(fs::path(folder) / given);
    if (*given.begin() == "models" && !below.empty()) places.push_back(fs::path(folder) / below);
  }
  // Names may leave the ending out, as they do for folders; what is there as given comes first.
  const size_t as_given = places.size();
  for (const char* ending : {".safetensors", ".safetensors.zst", ".ckpt", ".gguf", ".pt", ".bin"}) {
    for (size_t i = 0; i < as_given; ++i) places.emplace_back(places[i].string() + ending);
  }
  absl::StatusOr<std::string> found = FirstThatExists(path, places);
  if (found.ok()) return found;
  places.resize(as_given);
  return FirstThatExists(path, places);
}

absl::Status Environment::CheckOutputPath(absl::string_view path) const {
  WEFT_RETURN_IF_ERROR(CheckName(path));
  if (allow_outside_paths) return absl::OkStatus();
  const fs::path given{std::string(path)};
  const auto refuse = [&](absl::string_view why) {
    return absl::PermissionDeniedError(
        absl::StrCat("\"", path, "\" ", why, " the output folder \"", output_folder,
                     "\"; run with --allow-outside-paths to write there"));
  };
  if (given.is_absolute()) return refuse("is an absolute path, not one below");
  const fs::path inside = given.lexically_normal();
  if (!inside.empty() && *inside.begin() == "..") return refuse("leads outside");
  // A link inside the folder may still lead out of it.
  std::error_code error;
  const fs::path root = fs::weakly_canonical(fs::absolute(output_folder), error);
  const fs::path real = fs::weakly_canonical(fs::absolute(fs::path(output_folder) / given), error);
  const fs::path relative = real.lexically_relative(root);
  if (error || relative.empty() || *relative.begin() == "..") {
    return refuse("leads through a link outside");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Environment::OutputPath(absl::string_view path) const {
  WEFT_RETURN_IF_ERROR(CheckOutputPath(path));
  const fs::path target = (fs::path(output_folder) / std::string(path)).lexically_normal();
  if (target.has_parent_path()) {
    std::error_code error;
    fs::create_directories(target.parent_path(), error);
    if (error && !fs::is_directory(target.parent_path())) {
      return absl::PermissionDeniedError(absl::StrCat(
          "cannot make the folder \"", target.parent_path().string(), "\": ", error.message()));
    }
  }
  if (events) events({.kind = Event::Kind::kFile, .message = target.string()});
  return target.string();
}

}  // namespace weft
