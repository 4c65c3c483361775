#ifndef WEFT_RUNTIME_GRAPH_GIVEN_VALUE_H_
#define WEFT_RUNTIME_GRAPH_GIVEN_VALUE_H_

#include "absl/status/statusor.h"
#include "runtime/graph/contract.h"

namespace weft {

// Whether a program has handed this in: no literal can express it.
bool IsHandedIn(const Value& value);

// What a program gives for `port`: a literal as CheckLiteral checks it, or a value of the port's
// type that was handed in.
absl::StatusOr<Value> CheckGiven(const PortSpec& port, const Value& value);

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_GIVEN_VALUE_H_
