#include "nodes/sampling/steps_between.h"

#include <algorithm>
#include <cmath>

namespace weft {
namespace {

// The timestep where the share `share` of the way from noise to picture lies. std::nearbyint rounds
// halves to even, as Python's round does.
double Cutoff(double share, int64_t num_train_timesteps) {
  const auto train = static_cast<double>(num_train_timesteps);
  return std::nearbyint(train - share * train);
}

}  // namespace

std::vector<Step> StepsBetween(const std::vector<Step>& steps, double start, double end,
                               int64_t num_train_timesteps, int64_t calls_per_step) {
  std::vector<Step> kept = steps;
  if (start > 0.0) {
    const double cutoff = Cutoff(start, num_train_timesteps);
    auto count = std::count_if(kept.begin(), kept.end(),
                               [&](const Step& step) { return step.timestep < cutoff; });
    // Schedulers of second order call the network twice at all timesteps but the first.
    if (calls_per_step == 2 && count % 2 == 0) ++count;
    count = std::min<std::ptrdiff_t>(count, std::ssize(kept));
    kept.erase(kept.begin(), kept.end() - count);
  }
  if (end < 1.0) {
    const double cutoff = Cutoff(end, num_train_timesteps);
    const auto count = std::count_if(kept.begin(), kept.end(),
                                     [&](const Step& step) { return step.timestep >= cutoff; });
    kept.erase(kept.begin() + count, kept.end());
  }
  return kept;
}

}  // namespace weft
