#include "runtime/graph/type.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace weft {

Type Type::Parse(absl::string_view text) {
  if (absl::ConsumePrefix(&text, "list<") && absl::ConsumeSuffix(&text, ">")) {
    return Type{std::string(text), true};
  }
  return Type{std::string(text), false};
}

std::string Type::ToString() const { return list ? absl::StrCat("list<", name, ">") : name; }

bool Accepts(const Type& to, const Type& from) {
  if ((to.name == "any" && !to.list) || (from.name == "any" && !from.list)) return true;
  if (to.list != from.list) return false;
  return to.name == from.name || to.name == "any" || from.name == "any" ||
         (to.name == "float" && from.name == "int");
}

bool Matches(const Type& type, const Value& value) {
  if (type.list) {
    const List* list = value.AsList();
    const Type item{type.name, false};
    return list != nullptr && std::all_of(list->begin(), list->end(),
                                          [&](const Value& v) { return Matches(item, v); });
  }
  if (type.name == "any") return true;
  if (type.name == "bool") return value.AsBool() != nullptr;
  if (type.name == "int") return value.AsInt() != nullptr;
  if (type.name == "float") return value.AsFloat() != nullptr || value.AsInt() != nullptr;
  if (type.name == "text") return value.AsText() != nullptr;
  if (const Object* object = value.AsObject()) return object->type_name() == type.name;
  return value.AsTensor() != nullptr || value.AsRecord() != nullptr;
}

}  // namespace weft
