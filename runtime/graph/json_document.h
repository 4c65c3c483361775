#ifndef WEFT_RUNTIME_GRAPH_JSON_DOCUMENT_H_
#define WEFT_RUNTIME_GRAPH_JSON_DOCUMENT_H_

#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/graph/value.h"

namespace weft {

struct JsonMember;

// A JSON value that knows the line it ends on and keeps its members in the file's order; graph
// errors point at lines, and a graph that is written back looks as it did.
struct JsonNode {
  using Array = std::vector<JsonNode>;
  using Object = std::vector<JsonMember>;

  std::variant<Value, Array, Object> data;  // Value: null, bool, int, float or text
  int line = 0;                             // 1-based

  const Value* scalar() const { return std::get_if<Value>(&data); }
  const Array* array() const { return std::get_if<Array>(&data); }
  const Object* object() const { return std::get_if<Object>(&data); }
  const std::string* text() const { return scalar() != nullptr ? scalar()->AsText() : nullptr; }
  // The member `key`, or null.
  const JsonNode* Find(absl::string_view key) const;
  // "an object", "a list", "text" …: for errors.
  std::string kind() const;
};

// A type of its own, not a std::pair, which some compilers want complete while JsonNode is not.
struct JsonMember {
  std::string name;
  JsonNode node;
};

// Parses untrusted text. Errors give line and column: syntax, duplicate keys, nesting deeper than
// 64, more than 16 MB, numbers out of range, text that is not UTF-8.
absl::StatusOr<JsonNode> ParseJsonDocument(absl::string_view text);

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_JSON_DOCUMENT_H_
