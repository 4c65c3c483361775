#ifndef WEFT_RUNTIME_BASE_JSON_H_
#define WEFT_RUNTIME_BASE_JSON_H_

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace weft {

struct JsonLimits {
  size_t bytes = size_t{64} << 20;
  int depth = 64;  // arrays and objects within each other
};

// Strict JSON (RFC 8259, UTF-8) from outside, as a tree. Errors say "line 3, column 14: …": bad
// syntax, too deep, too long, a key twice in one object, a number beyond double.
absl::StatusOr<nlohmann::json> ParseJson(absl::string_view text, const JsonLimits& limits = {});

// The same from a file, whose path leads the error.
absl::StatusOr<nlohmann::json> ReadJsonFile(const std::string& path, const JsonLimits& limits = {});

// `text` in quotes and on one line, cut where it is long: for error messages.
std::string Quoted(absl::string_view text);

}  // namespace weft

#endif  // WEFT_RUNTIME_BASE_JSON_H_
