#ifndef WEFT_RUNTIME_GRAPH_VALUE_JSON_H_
#define WEFT_RUNTIME_GRAPH_VALUE_JSON_H_

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "runtime/graph/value.h"

namespace weft {

// A literal as JSON: null, bool, number, text, or a list of them. What no literal can express
// (tensors, records, objects) is null.
nlohmann::ordered_json ToJsonValue(const Value& value);

// The other way round. An error for objects and for lists nested absurdly deep.
absl::StatusOr<Value> FromJsonValue(const nlohmann::ordered_json& json);

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_VALUE_JSON_H_
