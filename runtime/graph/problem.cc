#include "runtime/graph/problem.h"

#include <nlohmann/json.hpp>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace weft {
namespace {

constexpr absl::string_view kPayload = "weft/problems";

std::string Field(const nlohmann::json& json, const char* key) {
  const auto it = json.find(key);
  return it != json.end() && it->is_string() ? it->get<std::string>() : "";
}

}  // namespace

std::string Problem::ToString() const {
  std::string where = file;
  if (line > 0) absl::StrAppend(&where, ":", line);
  std::string what;
  if (!node.empty()) {
    absl::StrAppend(&what, "node \"", node, "\"");
    if (!type.empty()) absl::StrAppend(&what, " (", type, ")");
    absl::StrAppend(&what, ": ");
  } else if (!json_path.empty()) {
    absl::StrAppend(&what, json_path, ": ");
  }
  if (!port.empty()) absl::StrAppend(&what, "\"", port, "\" ");
  return absl::StrCat(where, where.empty() ? "" : ": ", what, message);
}

absl::Status ToStatus(const std::vector<Problem>& problems, absl::StatusCode code) {
  if (problems.empty()) return absl::OkStatus();
  absl::Status status(code,
                      absl::StrJoin(problems, "\n", [](std::string* out, const Problem& problem) {
                        absl::StrAppend(out, problem.ToString());
                      }));
  nlohmann::json list = nlohmann::json::array();
  for (const Problem& p : problems) {
    list.push_back({{"file", p.file},
                    {"line", p.line},
                    {"json_path", p.json_path},
                    {"node", p.node},
                    {"type", p.type},
                    {"port", p.port},
                    {"message", p.message}});
  }
  status.SetPayload(
      kPayload, absl::Cord(list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
  return status;
}

bool HasProblems(const absl::Status& status) { return status.GetPayload(kPayload).has_value(); }

std::vector<Problem> ProblemsOf(const absl::Status& status) {
  std::vector<Problem> problems;
  if (status.ok()) return problems;
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayload);
  if (!payload.has_value()) {
    problems.push_back({.message = std::string(status.message())});
    return problems;
  }
  const nlohmann::json list = nlohmann::json::parse(std::string(*payload), nullptr, false);
  for (const nlohmann::json& item : list) {
    problems.push_back({.file = Field(item, "file"),
                        .line = item.value("line", 0),
                        .json_path = Field(item, "json_path"),
                        .node = Field(item, "node"),
                        .type = Field(item, "type"),
                        .port = Field(item, "port"),
                        .message = Field(item, "message")});
  }
  return problems;
}

}  // namespace weft
