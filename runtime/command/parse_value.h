#ifndef WEFT_RUNTIME_COMMAND_PARSE_VALUE_H_
#define WEFT_RUNTIME_COMMAND_PARSE_VALUE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/graph/contract.h"
#include "runtime/graph/signature.h"

namespace weft {

// `text` as a value for `port`, within its range: text stays text, "3" is an int where an int is
// wanted, a list is written as JSON.
absl::StatusOr<Value> ParseValue(const PortSpec& port, absl::string_view text);

// "name=value" arguments of --param and --set.
absl::StatusOr<Overrides> ParseOverrides(const Signature& signature,
                                         const std::vector<std::string>& params,
                                         const std::vector<std::string>& sets);

}  // namespace weft

#endif  // WEFT_RUNTIME_COMMAND_PARSE_VALUE_H_
