#ifndef WEFT_NODES_SAMPLING_DISTILLED_TIMESTEPS_H_
#define WEFT_NODES_SAMPLING_DISTILLED_TIMESTEPS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "nodes/sampling/scheduler_options.h"

namespace weft {

// Timesteps of the schedule that a consistency model was distilled with
// (original_inference_steps), evenly picked.
absl::StatusOr<std::vector<double>> DistilledTimesteps(const SchedulerOptions& options,
                                                       int64_t count);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_DISTILLED_TIMESTEPS_H_
