#ifndef WEFT_NODES_ADAPTERS_LORA_CONFIG_H_
#define WEFT_NODES_ADAPTERS_LORA_CONFIG_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace weft {

// What decides the scale of PEFT's adapters beside their tensors: adapter_config.json, or the same
// keys in the metadata of a file that diffusers has saved ("unet.lora_alpha").
class LoraConfig {
 public:
  LoraConfig() = default;
  // `json` is an object; `prefix` ("unet.") is taken off the keys that have it, others are not
  // looked at. Errors leave the file's name to the caller.
  static absl::StatusOr<LoraConfig> Parse(absl::string_view json, absl::string_view prefix = "");

  bool has_alpha() const { return alpha_.has_value(); }
  // alpha / rank, or alpha / sqrt(rank) with use_rslora; alpha may be the module's own
  // (alpha_pattern). `rank` 0: as the config says.
  double ScaleOf(absl::string_view module, int64_t rank) const;

 private:
  using Pattern = std::vector<std::pair<std::string, double>>;

  std::optional<double> alpha_;
  double rank_ = 0;
  Pattern alpha_pattern_;
  Pattern rank_pattern_;
  bool rank_stabilized_ = false;
};

}  // namespace weft

#endif  // WEFT_NODES_ADAPTERS_LORA_CONFIG_H_
