#ifndef WEFT_NODES_SAMPLING_BROWNIAN_NOISE_H_
#define WEFT_NODES_SAMPLING_BROWNIAN_NOISE_H_

#include "nodes/sampling/scheduler.h"

namespace weft {

// The noise of a step from sigma `from` to `to`, of the run's Brownian tree over all its levels.
// The tree's seed is `seed` where it is given; else it is drawn from the generator by the first
// step that asks, as torch.randint(0, 2^63 - 1) draws, and kept in `state`.
Tensor BrownianNoise(LatentMath& math, const StepInput& in, std::optional<int64_t> seed, float from,
                     float to, SchedulerState& state);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_BROWNIAN_NOISE_H_
