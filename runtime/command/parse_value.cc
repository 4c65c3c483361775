#include "runtime/command/parse_value.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/json.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

absl::StatusOr<Value> FromJson(const nlohmann::json& json) {
  if (json.is_boolean()) return Value(json.get<bool>());
  if (json.is_number_integer()) {
    if (json.is_number_unsigned() && json.get<uint64_t>() > uint64_t{INT64_MAX}) {
      return Invalid(json.dump(), " does not fit in 64 bits");
    }
    return Value(json.get<int64_t>());
  }
  if (json.is_number()) return Value(json.get<double>());
  if (json.is_string()) return Value(json.get<std::string>());
  if (json.is_array()) {
    List list;
    for (const nlohmann::json& item : json) {
      WEFT_ASSIGN_OR_RETURN(list.emplace_back(), FromJson(item));
    }
    return Value(std::move(list));
  }
  return Invalid("expected a number, text, true, false or a list of them");
}

absl::StatusOr<Value> ParseScalar(const std::string& type, absl::string_view text) {
  if (type == "text") return Value(std::string(text));
  if (type == "bool") {
    if (text == "true") return Value(true);
    if (text == "false") return Value(false);
    return Invalid("expects true or false, not ", Quoted(text));
  }
  if (type == "int") {
    int64_t x = 0;
    if (absl::SimpleAtoi(text, &x)) return Value(x);
    return Invalid("expects a whole number, not ", Quoted(text));
  }
  double x = 0;
  if (absl::SimpleAtod(text, &x)) return Value(x);
  return Invalid("expects a number, not ", Quoted(text));
}

bool IsScalar(const std::string& type) {
  return type == "text" || type == "bool" || type == "int" || type == "float";
}

absl::Status ParseOne(absl::string_view option, const std::string& argument,
                      const Ordered<PortSpec>& ports, absl::string_view what,
                      absl::btree_map<std::string, Value>& into) {
  const std::string where = absl::StrCat(option, " ", Quoted(argument));
  const size_t equals = argument.find('=');
  if (equals == std::string::npos || equals == 0) {
    return Invalid(where, ": expected NAME=VALUE");
  }
  const std::string name = argument.substr(0, equals);
  const PortSpec* port = FindIn(ports, name);
  if (port == nullptr) {
    std::vector<std::string> names;
    for (const auto& [known, spec] : ports) names.push_back(known);
    return Invalid(where, ": the graph has no ", what, " \"", name, "\"", DidYouMean(name, names));
  }
  absl::StatusOr<Value> value = ParseValue(*port, argument.substr(equals + 1));
  if (!value.ok()) return Annotate(value.status(), where);
  into.insert_or_assign(name, *std::move(value));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Value> ParseValue(const PortSpec& port, absl::string_view text) {
  const std::string& type = port.type.name;
  if (!IsScalar(type) && type != "any") {
    return Invalid("\"", port.name, "\" takes a wire that carries ", port.type.ToString(),
                   "; its value cannot be written down");
  }
  Value value;
  if (port.type.list || type == "any") {
    absl::StatusOr<nlohmann::json> json = ParseJson(text);
    if (json.ok()) {
      WEFT_ASSIGN_OR_RETURN(value, FromJson(*json));
    } else if (port.type.list) {
      return Invalid("\"", port.name, "\" expects a list written as JSON, such as [1, 2], not ",
                     Quoted(text));
    } else {
      value = Value(std::string(text));
    }
  } else {
    absl::StatusOr<Value> parsed = ParseScalar(type, text);
    if (!parsed.ok()) return Invalid("\"", port.name, "\" ", parsed.status().message());
    value = *std::move(parsed);
  }
  return CheckLiteral(port, value);
}

absl::StatusOr<Overrides> ParseOverrides(const Signature& signature,
                                         const std::vector<std::string>& params,
                                         const std::vector<std::string>& sets) {
  Overrides overrides;
  std::string problems;  // all of them, a line each
  const auto note = [&problems](const absl::Status& status) {
    if (!status.ok()) absl::StrAppend(&problems, problems.empty() ? "" : "\n", status.message());
  };
  for (const std::string& argument : params) {
    note(ParseOne("--param", argument, signature.params, "param", overrides.params));
  }
  for (const std::string& argument : sets) {
    note(ParseOne("--set", argument, signature.inputs, "input", overrides.inputs));
  }
  if (!problems.empty()) return absl::InvalidArgumentError(problems);
  return overrides;
}

}  // namespace weft
