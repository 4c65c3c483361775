#include "nodes/sampling/sampler_schedule.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "nodes/sampling/beta_quantile.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// Straight in the timestep from the last training step to the first, which sgm_uniform leaves out.
std::vector<double> Normal(const NoiseSchedule& noise, int64_t count, bool without_first) {
  const auto top = static_cast<double>(noise.size() - 1);
  const double parts = static_cast<double>(without_first ? count : std::max<int64_t>(count - 1, 1));
  std::vector<double> sigmas;
  for (int64_t i = 0; i < count; ++i) {
    sigmas.push_back(noise.LogLinearSigmaAt(top - top * static_cast<double>(i) / parts));
  }
  return sigmas;
}

// Every (training steps / count)th training step from the last one down.
std::vector<double> Simple(const NoiseSchedule& noise, int64_t count) {
  const double stride = static_cast<double>(noise.size()) / static_cast<double>(count);
  std::vector<double> sigmas;
  for (int64_t i = 0; i < count; ++i) {
    sigmas.push_back(
        noise.sigma(noise.size() - 1 - static_cast<int64_t>(static_cast<double>(i) * stride)));
  }
  return sigmas;
}

// Training steps from the second one up, a whole stride apart.
std::vector<double> DdimUniform(const NoiseSchedule& noise, int64_t count) {
  // A first level of next to nothing stands for none, and one more step is taken.
  const bool ends_at_first = noise.sigma(1) <= 1e-5;
  const int64_t stride = std::max<int64_t>(noise.size() / (count + (ends_at_first ? 1 : 0)), 1);
  std::vector<double> sigmas;
  for (int64_t t = 1; t < noise.size(); t += stride) sigmas.push_back(noise.sigma(t));
  std::reverse(sigmas.begin(), sigmas.end());
  if (ends_at_first && sigmas.size() > 1) sigmas.pop_back();
  return sigmas;
}

// Training steps at the quantiles of a beta distribution (arXiv 2407.12173), each once.
std::vector<double> Beta(const NoiseSchedule& noise, int64_t count) {
  constexpr double kShape = 0.6;  // both of the distribution's shape parameters
  const auto top = static_cast<double>(noise.size() - 1);
  std::vector<double> sigmas;
  int64_t last = -1;
  for (int64_t i = 0; i < count; ++i) {
    const double share = 1.0 - static_cast<double>(i) / static_cast<double>(count);
    const auto t = static_cast<int64_t>(std::nearbyint(BetaQuantile(share, kShape, kShape) * top));
    if (t != last) sigmas.push_back(noise.sigma(t));
    last = t;
  }
  return sigmas;
}

std::vector<double> Sigmas(const NoiseSchedule& noise, absl::string_view schedule, int64_t count) {
  if (schedule == "karras") return KarrasSigmas(noise.max_sigma(), noise.min_sigma(), count);
  if (schedule == "exponential") {
    return ExponentialSigmas(noise.max_sigma(), noise.min_sigma(), count);
  }
  if (schedule == "simple") return Simple(noise, count);
  if (schedule == "ddim_uniform") return DdimUniform(noise, count);
  if (schedule == "beta") return Beta(noise, count);
  return Normal(noise, count, schedule == "sgm_uniform");
}

}  // namespace

absl::StatusOr<Schedule> SamplerSchedule(const NoiseSchedule& noise,
                                         const SchedulerOptions::Sampler& sampler, int64_t count) {
  Schedule schedule;
  if (sampler.drops_penultimate) {
    // What would be the last level but none is left out of one level more.
    schedule.sigmas = Sigmas(noise, sampler.schedule, count + 1);
    if (schedule.sigmas.size() < 2) {
      return Invalid("the schedule \"", sampler.schedule, "\" of ", count,
                     " steps leaves none; take more");
    }
    schedule.sigmas.pop_back();
  } else {
    schedule.sigmas = Sigmas(noise, sampler.schedule, count);
  }
  for (double& sigma : schedule.sigmas) {
    sigma = static_cast<float>(sigma);
    schedule.timesteps.push_back(static_cast<double>(noise.NearestStep(sigma)));
  }
  schedule.sigmas.push_back(sampler.last);
  return schedule;
}

double SamplerNoiseScale(const NoiseSchedule& noise, double sigma) {
  const bool highest = sigma > noise.max_sigma() * (1.0 - 1e-5);
  return highest ? std::sqrt(sigma * sigma + 1.0) : sigma;
}

}  // namespace weft
