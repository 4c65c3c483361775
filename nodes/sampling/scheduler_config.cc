#include "nodes/sampling/scheduler_config.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"

namespace weft {

std::string WithoutPythonInfinities(absl::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\' && i + 1 < text.size()) {
      plain.append(text.data() + i, 2);
      ++i;
      continue;
    }
    if (text[i] == '"') quoted = !quoted;
    size_t skip = 0;
    if (!quoted) {
      for (absl::string_view word : {"-Infinity", "Infinity", "NaN"}) {
        if (skip == 0 && absl::StartsWith(text.substr(i), word)) skip = word.size();
      }
    }
    if (skip == 0) {
      plain.push_back(text[i]);
    } else {
      plain.append("null");
      i += skip - 1;
    }
  }
  return plain;
}

absl::StatusOr<std::shared_ptr<const SchedulerConfig>> SchedulerConfig::Read(
    const std::string& path) {
  WEFT_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, JsonLimits().bytes));
  absl::StatusOr<nlohmann::json> json = ParseJson(WithoutPythonInfinities(text));
  if (!json.ok()) return Annotate(json.status(), Quoted(path));
  if (!json->is_object()) return Invalid(Quoted(path), ": expects an object of options");
  return std::make_shared<const SchedulerConfig>(*std::move(json), path);
}

}  // namespace weft
