#include "runtime/graph/given_value.h"

#include <algorithm>

namespace weft {

bool IsHandedIn(const Value& value) {
  if (const List* list = value.AsList()) return std::any_of(list->begin(), list->end(), IsHandedIn);
  return value.AsObject() != nullptr || value.AsTensor() != nullptr || value.AsRecord() != nullptr;
}

absl::StatusOr<Value> CheckGiven(const PortSpec& port, const Value& value) {
  absl::StatusOr<Value> literal = CheckLiteral(port, value);
  if (!literal.ok() && IsHandedIn(value) && Matches(port.type, value)) return value;
  return literal;
}

}  // namespace weft
