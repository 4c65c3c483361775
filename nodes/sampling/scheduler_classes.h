#ifndef WEFT_NODES_SAMPLING_SCHEDULER_CLASSES_H_
#define WEFT_NODES_SAMPLING_SCHEDULER_CLASSES_H_

#include <memory>

#include "absl/status/statusor.h"
#include "nodes/sampling/scheduler.h"
#include "nodes/sampling/scheduler_options.h"

namespace weft {

// What makes a scheduler of checked options. Each function stands in the file of its class; the
// node of the class and SamplerScheduler call it.
using MadeScheduler = absl::StatusOr<std::shared_ptr<const Scheduler>>;

MadeScheduler MakeDPMSolverMultistep(const SchedulerOptions& options);
MadeScheduler MakeDPMSolverSDE(const SchedulerOptions& options);
MadeScheduler MakeEulerAncestralDiscrete(const SchedulerOptions& options);
MadeScheduler MakeEulerDiscrete(const SchedulerOptions& options);
MadeScheduler MakeHeunDiscrete(const SchedulerOptions& options);
MadeScheduler MakeKDPM2AncestralDiscrete(const SchedulerOptions& options);
MadeScheduler MakeKDPM2Discrete(const SchedulerOptions& options);
MadeScheduler MakeLMSDiscrete(const SchedulerOptions& options);
MadeScheduler MakeUniPCMultistep(const SchedulerOptions& options);

// Samplers of k-diffusion and ComfyUI that diffusers has no class for.
MadeScheduler MakeDdpmSampler(const SchedulerOptions& options);
MadeScheduler MakeDeisSampler(const SchedulerOptions& options);
MadeScheduler MakeDpmpp2sAncestralSampler(const SchedulerOptions& options);
MadeScheduler MakeDpmppMultistepSdeSampler(const SchedulerOptions& options);  // solver_order 2 or 3
MadeScheduler MakeIpndmSampler(const SchedulerOptions& options);
MadeScheduler MakeLcmSampler(const SchedulerOptions& options);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_SCHEDULER_CLASSES_H_
