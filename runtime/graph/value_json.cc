#include "runtime/graph/value_json.h"

#include <string>
#include <utility>

#include "runtime/base/status_macros.h"

namespace weft {

nlohmann::ordered_json ToJsonValue(const Value& value) {
  if (const bool* x = value.AsBool()) return *x;
  if (const int64_t* x = value.AsInt()) return *x;
  if (const double* x = value.AsFloat()) return *x;
  if (const std::string* x = value.AsText()) return *x;
  if (const List* list = value.AsList()) {
    nlohmann::ordered_json items = nlohmann::ordered_json::array();
    for (const Value& item : *list) items.push_back(ToJsonValue(item));
    return items;
  }
  return nullptr;
}

namespace {

constexpr int kMaxNesting = 32;

absl::StatusOr<Value> FromJson(const nlohmann::ordered_json& json, int nesting) {
  if (json.is_null()) return Value();
  if (json.is_boolean()) return Value(json.get<bool>());
  if (json.is_number_integer()) return Value(json.get<int64_t>());
  if (json.is_number()) return Value(json.get<double>());
  if (json.is_string()) return Value(json.get<std::string>());
  if (!json.is_array()) return Invalid("an object is no literal");
  if (nesting == kMaxNesting) return Invalid("lists are nested deeper than ", kMaxNesting);
  List list;
  for (const auto& item : json) {
    WEFT_ASSIGN_OR_RETURN(list.emplace_back(), FromJson(item, nesting + 1));
  }
  return Value(std::move(list));
}

}  // namespace

absl::StatusOr<Value> FromJsonValue(const nlohmann::ordered_json& json) {
  return FromJson(json, 0);
}

}  // namespace weft
