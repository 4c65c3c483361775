#include "nodes/sampling/distilled_timesteps.h"

#include <cmath>

#include "runtime/base/status_macros.h"

namespace weft {

absl::StatusOr<std::vector<double>> DistilledTimesteps(const SchedulerOptions& options,
                                                       int64_t count) {
  const int64_t original = options.original_inference_steps;
  if (original > options.num_train_timesteps) {
    return Invalid("\"original_inference_steps\" is ", original,
                   ", above \"num_train_timesteps\", ", options.num_train_timesteps);
  }
  if (count > original) {
    return Invalid("\"num_inference_steps\" is ", count, ", above \"original_inference_steps\", ",
                   original);
  }
  const int64_t stride = options.num_train_timesteps / original;
  const double pick = static_cast<double>(original) / static_cast<double>(count);
  std::vector<double> timesteps;
  for (int64_t i = 0; i < count; ++i) {
    const auto from_above = static_cast<int64_t>(std::floor(pick * static_cast<double>(i)));
    timesteps.push_back(static_cast<double>((original - from_above) * stride - 1));
  }
  return timesteps;
}

}  // namespace weft
