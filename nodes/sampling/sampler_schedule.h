#ifndef WEFT_NODES_SAMPLING_SAMPLER_SCHEDULE_H_
#define WEFT_NODES_SAMPLING_SAMPLER_SCHEDULE_H_

#include <cstdint>

#include "nodes/sampling/noise_schedule.h"
#include "nodes/sampling/scheduler.h"
#include "nodes/sampling/scheduler_options.h"

namespace weft {

// The noise levels that ComfyUI's sampler nodes take under a schedule's name, each with the nearest
// training step as its timestep. `beta` and `ddim_uniform` may give another number than `count`.
absl::StatusOr<Schedule> SamplerSchedule(const NoiseSchedule& noise,
                                         const SchedulerOptions::Sampler& sampler, int64_t count);

// What ComfyUI multiplies the first noise with: at the training's highest level √(sigma² + 1), as
// if there were a clean latent of unit variance in it, below sigma.
double SamplerNoiseScale(const NoiseSchedule& noise, double sigma);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_SAMPLER_SCHEDULE_H_
