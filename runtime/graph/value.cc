#include "runtime/graph/value.h"

#include <array>

namespace weft {

absl::string_view Value::kind() const {
  static constexpr std::array<absl::string_view, 8> kKinds = {"null", "bool",   "int",  "float",
                                                              "text", "tensor", "list", "record"};
  if (const Object* object = AsObject()) return object->type_name();
  return data_.index() < kKinds.size() ? kKinds[data_.index()] : "null";
}

}  // namespace weft
