#ifndef WEFT_NODES_SAMPLING_SCHEDULER_CONFIG_H_
#define WEFT_NODES_SAMPLING_SCHEDULER_CONFIG_H_

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/graph/value.h"

namespace weft {

// What a model's scheduler_config.json says of the noise it was trained with.
class SchedulerConfig : public Object {
 public:
  static constexpr absl::string_view kTypeName = "config";

  // `json` is an object; `source` is where it comes from, for messages.
  SchedulerConfig(nlohmann::json json, std::string source)
      : json_(std::move(json)), source_(std::move(source)) {}
  // From a file. Python writes -Infinity, Infinity and NaN where JSON has no word for them; they
  // count as null, which is "not set".
  static absl::StatusOr<std::shared_ptr<const SchedulerConfig>> Read(const std::string& path);

  const nlohmann::json& json() const { return json_; }
  const std::string& source() const { return source_; }
  absl::string_view type_name() const override { return kTypeName; }

 private:
  nlohmann::json json_;
  std::string source_;
};

// `text` with Python's words for numbers that are not finite, outside of strings, as null.
std::string WithoutPythonInfinities(absl::string_view text);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_SCHEDULER_CONFIG_H_
