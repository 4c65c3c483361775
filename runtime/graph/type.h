#ifndef WEFT_RUNTIME_GRAPH_TYPE_H_
#define WEFT_RUNTIME_GRAPH_TYPE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "runtime/graph/value.h"

namespace weft {

// The type of a port: a name, or a list of it. "any" goes with everything; "bool", "int", "float"
// and "text" are scalars (an int may feed a float); all other names belong to nodes.
struct Type {
  std::string name;
  bool list = false;

  static Type Parse(absl::string_view text);  // "step" or "list<step>"
  std::string ToString() const;
  friend bool operator==(const Type&, const Type&) = default;
};

// Whether an output of type `from` may feed an input of type `to`.
bool Accepts(const Type& to, const Type& from);

// Whether `value` can be what a port of type `type` carries. Objects are known by their type
// name; a tensor or a record can stand for any type that nodes define.
bool Matches(const Type& type, const Value& value);

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_TYPE_H_
