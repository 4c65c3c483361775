#include "runtime/graph/value_json.h"

#include <string>

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

}  // namespace weft
