#ifndef WEFT_RUNTIME_COMMAND_DESCRIBE_MODEL_H_
#define WEFT_RUNTIME_COMMAND_DESCRIBE_MODEL_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "nodes/models/checkpoint.h"

namespace weft {

// What a model file or folder is, from its headers: {"kind", "layout", "family", "prediction",
// "prediction_guessed", "parts": {name: {"tensors", "parameters", "bytes", "dtypes", "wrong",
// "unused"}}, "unused", "set_aside"}, and of a file "format", "stored" {type: parameters} and
// "notices". Adapters have "kind", "layout" (their dialect), "family", "modules" {part: how many},
// "unused", and "description", all that in words; other tensors a kind, and both the counts of a
// part. Errors: it cannot be read.
absl::StatusOr<nlohmann::ordered_json> DescribeModel(const std::string& path);

// The same for people: lines that end in newlines.
std::string ModelText(const nlohmann::ordered_json& model);

// "42", "12 k", "859.5 M".
std::string CountText(int64_t n);

}  // namespace weft

#endif  // WEFT_RUNTIME_COMMAND_DESCRIBE_MODEL_H_
