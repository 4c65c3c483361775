#include "nodes/sampling/edm.h"

#include <cmath>

#include "nodes/sampling/noise_schedule.h"

namespace weft {

double EdmInputScale(const SchedulerOptions& options, double sigma) {
  return 1.0 / std::sqrt(sigma * sigma + options.sigma_data * options.sigma_data);
}

double EdmNoiseScale(const SchedulerOptions& options) {
  return std::sqrt(*options.sigma_max * *options.sigma_max + 1.0);
}

Tensor EdmClean(LatentMath& math, const SchedulerOptions& options, const Tensor& output,
                const Tensor& latent, double sigma) {
  const double data = options.sigma_data;
  const double scale = EdmInputScale(options, sigma);
  const double sign = options.prediction_type == "v_prediction" ? -1.0 : 1.0;
  return math.Sum({{data * data * scale * scale, latent}, {sign * sigma * data * scale, output}});
}

Schedule EdmSchedule(const SchedulerOptions& options, int64_t count) {
  Schedule schedule;
  const double max = *options.sigma_max;
  const double min = *options.sigma_min;
  if (options.sigma_schedule == "karras") {
    schedule.sigmas = KarrasSigmas(max, min, count, options.rho);
  } else {
    // As in diffusers, a single step starts from the lowest level.
    schedule.sigmas = ExponentialSigmas(count == 1 ? min : max, min, count);
  }
  for (double& sigma : schedule.sigmas) {
    sigma = static_cast<float>(sigma);
    schedule.timesteps.push_back(static_cast<float>(0.25 * std::log(sigma)));
  }
  schedule.sigmas.push_back(options.final_sigmas_type == "zero" ? 0.0 : schedule.sigmas.back());
  return schedule;
}

SchedulerOptions EdmDefaults() {
  SchedulerOptions defaults;
  defaults.sigma_min = 0.002;
  defaults.sigma_max = 80.0;
  return defaults;
}

std::vector<OptionUse> EdmOptions(std::vector<OptionUse> own) {
  std::vector<OptionUse> options = {"sigma_min",
                                    "sigma_max",
                                    "sigma_data",
                                    "sigma_schedule",
                                    "num_train_timesteps",
                                    {"prediction_type", {"epsilon", "v_prediction"}},
                                    "rho",
                                    "final_sigmas_type"};
  options.insert(options.end(), own.begin(), own.end());
  return options;
}

}  // namespace weft
