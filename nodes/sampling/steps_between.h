#ifndef WEFT_NODES_SAMPLING_STEPS_BETWEEN_H_
#define WEFT_NODES_SAMPLING_STEPS_BETWEEN_H_

#include <cstdint>
#include <vector>

#include "nodes/sampling/step.h"

namespace weft {

// Of a run's steps those from the share `start` of the training's timesteps on and before the
// share `end` (0..1 each, counted from pure noise), as diffusers' SDXL pipelines divide a run
// between two networks by denoising_start and denoising_end. `calls_per_step`: of the scheduler;
// the two calls of one step stay together.
std::vector<Step> StepsBetween(const std::vector<Step>& steps, double start, double end,
                               int64_t num_train_timesteps, int64_t calls_per_step);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_STEPS_BETWEEN_H_
