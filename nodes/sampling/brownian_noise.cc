#include "nodes/sampling/brownian_noise.h"

#include <limits>

#include "nodes/sampling/brownian_tree.h"
#include "runtime/base/status_macros.h"

namespace weft {

Tensor BrownianNoise(LatentMath& math, const StepInput& in, std::optional<int64_t> seed, float from,
                     float to, SchedulerState& state) {
  if (seed.has_value()) {
    state.seed = *seed;
  } else if (state.seed < 0) {
    if (in.rng == nullptr) {
      math.Fail(
          Invalid("this scheduler draws a seed for its noise; wire a generator, or set "
                  "\"noise_sampler_seed\""));
      return Tensor();
    }
    const uint64_t high = in.rng->Next();
    const uint64_t bits = high << 32 | in.rng->Next();
    state.seed = static_cast<int64_t>(bits % std::numeric_limits<int64_t>::max());
  }
  double low = std::numeric_limits<double>::infinity();
  double most = 0.0;
  for (double sigma : in.schedule.sigmas) {
    if (sigma > 0.0) low = std::min(low, sigma);
    most = std::max(most, sigma);
  }
  return BrownianTree(static_cast<uint64_t>(state.seed), low, most)
      .Noise(math, in.latent, from, to);
}

}  // namespace weft
