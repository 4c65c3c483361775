#ifndef WEFT_NODES_MODELS_CONFIG_READER_H_
#define WEFT_NODES_MODELS_CONFIG_READER_H_

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/backend/backend.h"

namespace weft {

// Reads a model's config.json key by key. A key that is missing or null has the default that
// diffusers or transformers gives it. A value of another kind or out of range is noted, and the
// default returned; whoever has read everything asks status() once.
class ConfigReader {
 public:
  struct Range {
    int64_t min = 1;
    int64_t max = 1;
  };

  static absl::StatusOr<ConfigReader> Open(const std::string& path);
  // `name` leads the errors.
  static absl::StatusOr<ConfigReader> Parse(absl::string_view text, std::string name);

  const std::string& path() const { return path_; }
  bool Has(absl::string_view key) const;     // and it is not null
  bool IsNull(absl::string_view key) const;  // the key is there, and null

  bool Bool(absl::string_view key, bool fallback);
  int64_t Int(absl::string_view key, int64_t fallback, Range range);
  double Float(absl::string_view key, double fallback, double min, double max);
  // One of `known`; the error lists them.
  std::string Choice(absl::string_view key, absl::string_view fallback,
                     const std::vector<std::string>& known);
  Activation ActivationOf(absl::string_view key, absl::string_view fallback);

  // A list of 1 … max_count values.
  std::vector<int64_t> Ints(absl::string_view key, std::vector<int64_t> fallback, Range range,
                            size_t max_count);
  std::vector<double> Floats(absl::string_view key, std::vector<double> fallback, double min,
                             double max, size_t max_count);
  std::vector<std::string> Choices(absl::string_view key, std::vector<std::string> fallback,
                                   const std::vector<std::string>& known, size_t max_count);
  // One value for all, or a list of `count`.
  std::vector<int64_t> IntEach(absl::string_view key, int64_t fallback, Range range, size_t count);
  std::vector<bool> BoolEach(absl::string_view key, bool fallback, size_t count);
  // The same, where each item may be a list itself: for each level its own list. A single value
  // is a list of one.
  std::vector<std::vector<int64_t>> IntsEach(absl::string_view key, int64_t fallback, Range range,
                                             size_t count);

  // Notes an error unless the key is missing, null, or (as JSON text) `known`.
  void Only(absl::string_view key, absl::string_view known);
  // Notes that the key's value is not what `expected` says.
  void Reject(absl::string_view key, absl::string_view expected);

  // All that was noted, in one error that names the file.
  absl::Status status() const;

 private:
  ConfigReader(std::string path, nlohmann::json json);
  const nlohmann::json* Find(absl::string_view key) const;
  bool ReadInt(const nlohmann::json& value, Range range, int64_t& out) const;

  std::string path_;
  std::shared_ptr<const nlohmann::json> json_;
  std::vector<std::string> errors_;
};

}  // namespace weft

#endif  // WEFT_NODES_MODELS_CONFIG_READER_H_
