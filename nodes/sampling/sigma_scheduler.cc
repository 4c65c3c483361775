#include "nodes/sampling/sigma_scheduler.h"

#include <cmath>

#include "nodes/sampling/ancestral_step.h"
#include "nodes/sampling/sampler_schedule.h"
#include "runtime/base/status_macros.h"

namespace weft {

// Where steps lead (leading spacing begins below the last training step), the first latent has the
// variance of clean + sigma·noise; else the clean part is left out.
double SigmaScheduler::NoiseScale(const Step* first) const {
  if (!options_.sampler.schedule.empty()) {
    return SamplerNoiseScale(noise_, first != nullptr ? first->sigma : noise_.max_sigma());
  }
  const double most =
      Respaces(options_) ? options_.sigma_max.value_or(noise_.max_sigma()) : noise_.max_sigma();
  const double sigma = first != nullptr ? first->sigma : most;
  return options_.timestep_spacing == "leading" ? std::sqrt(sigma * sigma + 1.0) : sigma;
}

Tensor SigmaScheduler::ScaleInput(LatentMath& math, const Tensor& latent, const Step& step) const {
  return math.Sum({{MixOf(step.model_sigma).alpha, latent}});
}

Tensor SigmaScheduler::AddNoise(LatentMath& math, const Tensor& latent, const Tensor& noise,
                                const Step& step) const {
  return math.Sum({{1.0, latent}, {step.sigma, noise}});
}

absl::StatusOr<Schedule> SigmaScheduler::MakeSchedule(int64_t num_inference_steps) const {
  if (!options_.sampler.schedule.empty()) {
    return SamplerSchedule(noise_, options_.sampler, num_inference_steps);
  }
  Schedule schedule;
  schedule.timesteps = SpacedTimesteps({.kind = options_.timestep_spacing,
                                        .train = options_.num_train_timesteps,
                                        .last = options_.num_train_timesteps,
                                        .count = num_inference_steps,
                                        .offset = options_.steps_offset,
                                        .whole = false});
  // diffusers keeps timesteps and sigmas in f32.
  if (f32_timesteps()) {
    for (double& timestep : schedule.timesteps) timestep = static_cast<float>(timestep);
  }
  if (options_.interpolation_type == "log_linear") {
    // One more level than steps: the last step ends at the lowest instead of at none.
    schedule.sigmas =
        ExponentialSigmas(noise_.max_sigma(), noise_.min_sigma(), num_inference_steps + 1);
  } else {
    for (double timestep : schedule.timesteps) schedule.sigmas.push_back(noise_.SigmaAt(timestep));
  }
  if (Respaces(options_)) {
    schedule.sigmas = RespacedSigmas(options_, schedule.sigmas.front(), schedule.sigmas.back(),
                                     num_inference_steps);
    schedule.timesteps.clear();
    for (double sigma : schedule.sigmas) {
      const double timestep = noise_.TimestepOf(sigma);
      const bool rounds = options_.use_karras_sigmas && rounds_karras();
      schedule.timesteps.push_back(
          static_cast<float>(rounds ? std::nearbyint(timestep) : timestep));
    }
  }
  schedule.sigmas.push_back(options_.final_sigmas_type == "sigma_min" ? noise_.min_sigma() : 0.0);
  for (double& sigma : schedule.sigmas) sigma = static_cast<float>(sigma);
  if (options_.timestep_type == "continuous" && prediction_ == Prediction::kV) {
    for (size_t i = 0; i < schedule.timesteps.size(); ++i) {
      schedule.timesteps[i] = static_cast<float>(0.25 * std::log(schedule.sigmas[i]));
    }
  }
  return schedule;
}

double SigmaScheduler::TimestepFor(double sigma) const {
  return options_.sampler.schedule.empty() ? noise_.TimestepOf(sigma)
                                           : static_cast<double>(noise_.NearestStep(sigma));
}

SchedulerOptions MidpointDefaults() {
  SchedulerOptions defaults;
  defaults.beta_start = 0.00085;
  defaults.beta_end = 0.012;
  return defaults;
}

Schedule SigmaScheduler::WithLogMiddles(const Schedule& steps) const {
  std::vector<double> middles;
  for (int64_t i = 0; i < steps.size(); ++i) {
    middles.push_back(LogMiddle(steps.sigma(i), steps.sigma(i + 1)));
  }
  return WithMiddles(steps, middles);
}

Schedule SigmaScheduler::WithMiddles(const Schedule& steps,
                                     const std::vector<double>& middles) const {
  Schedule calls;
  for (int64_t i = 0; i < steps.size(); ++i) {
    calls.timesteps.push_back(steps.timestep(i));
    calls.sigmas.push_back(steps.sigma(i));
    calls.model_sigmas.push_back(steps.sigma(i));
    if (i + 1 == steps.size()) continue;
    const double middle = middles[static_cast<size_t>(i)];
    calls.timesteps.push_back(static_cast<float>(TimestepFor(middle)));
    calls.sigmas.push_back(steps.sigma(i + 1));
    calls.model_sigmas.push_back(middle);
  }
  calls.sigmas.push_back(steps.sigmas.back());
  return calls;
}

}  // namespace weft
