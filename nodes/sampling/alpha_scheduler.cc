#include "nodes/sampling/alpha_scheduler.h"

#include <algorithm>
#include <cmath>

#include "runtime/base/status_macros.h"

namespace weft {

Mix AlphaScheduler::MixAt(int64_t t) const {
  return {std::sqrt(alpha(t)), std::sqrt(1.0 - alpha(t))};
}

double AlphaScheduler::AlphaOrFinal(int64_t t) const {
  if (t >= 0) return alpha(t);
  return options_.set_alpha_to_one ? 1.0 : alpha(0);
}

Tensor AlphaScheduler::AddNoise(LatentMath& math, const Tensor& latent, const Tensor& noise,
                                const Step& step) const {
  const auto last = static_cast<double>(noise_.size() - 1);
  if (!(step.timestep >= 0.0 && step.timestep <= last)) {
    math.Fail(
        Invalid("the step's timestep ", step.timestep, " is not one of the training's 0..", last));
    return Tensor();
  }
  const Mix mix = MixAt(static_cast<int64_t>(step.timestep));
  return math.Sum({{mix.alpha, latent}, {mix.sigma, noise}});
}

absl::StatusOr<Schedule> AlphaScheduler::ScheduleOf(std::vector<double> timesteps) const {
  Schedule schedule;
  for (double timestep : timesteps) {
    if (!(timestep >= 0.0 && timestep < static_cast<double>(noise_.size()))) {
      return Invalid("timestep ", timestep, " is not one of the training's ", noise_.size(),
                     "; see \"steps_offset\" and \"num_inference_steps\"");
    }
    schedule.sigmas.push_back(noise_.sigma(static_cast<int64_t>(timestep)));
  }
  schedule.sigmas.push_back(0.0);
  schedule.timesteps = std::move(timesteps);
  return schedule;
}

absl::StatusOr<Schedule> AlphaScheduler::MakeSchedule(int64_t num_inference_steps) const {
  return ScheduleOf(SpacedTimesteps({.kind = options_.timestep_spacing,
                                     .train = options_.num_train_timesteps,
                                     .last = options_.num_train_timesteps,
                                     .count = num_inference_steps,
                                     .offset = options_.steps_offset}));
}

Tensor AlphaScheduler::Clean(LatentMath& math, const Tensor& output, const Tensor& latent,
                             Mix mix) const {
  if (mix.alpha == 0.0 && prediction_ == Prediction::kEpsilon) {
    // x / 0 is infinite; clipped, what is left of it is its sign.
    if (!options_.thresholding && !options_.clip_sample) {
      math.Fail(
          Invalid("a step of pure noise (rescale_betas_zero_snr) tells nothing of the clean "
                  "latent where prediction_type is epsilon; use v_prediction"));
      return Tensor();
    }
    mix.alpha = 1e-30;
  }
  const Tensor clean = CleanOf(math, prediction_, output, latent, mix);
  if (options_.thresholding) {
    return math.Threshold(clean, options_.dynamic_thresholding_ratio, options_.sample_max_value);
  }
  return options_.clip_sample ? math.Clamp(clean, options_.clip_sample_range) : clean;
}

}  // namespace weft
