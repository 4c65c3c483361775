// Latent consistency models (Luo et al. 2023, arXiv 2310.04378): each call jumps to a clean latent
// c = c_out(t) clean + c_skip(t) x, and all but the last go back up: x' = √ā' c + √(1-ā') noise.

#include <cmath>

#include "nodes/sampling/alpha_scheduler.h"
#include "nodes/sampling/distilled_timesteps.h"
#include "nodes/sampling/scheduler_node.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

class LCMScheduler : public AlphaScheduler {
 public:
  using AlphaScheduler::AlphaScheduler;

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    constexpr double kData = 0.5;  // standard deviation of clean latents, as distilled
    const auto t = static_cast<int64_t>(in.schedule.timestep(in.index));
    const double at = static_cast<double>(t) * options().timestep_scaling;
    const double skip = kData * kData / (at * at + kData * kData);
    const double out = at / std::sqrt(at * at + kData * kData);
    const Tensor clean = Clean(math, in.output, in.latent, MixAt(t));
    const Tensor denoised = math.Sum({{out, clean}, {skip, in.latent}});
    SchedulerState state = in.state;
    ++state.calls;
    if (in.index + 1 == in.schedule.size()) return {denoised, denoised, std::move(state)};
    const Mix to = MixAt(static_cast<int64_t>(in.schedule.timestep(in.index + 1)));
    const Tensor noise = DrawNoise(math, in);
    return {math.Sum({{to.alpha, denoised}, {to.sigma, noise}}), denoised, std::move(state)};
  }

 protected:
  absl::StatusOr<Schedule> MakeSchedule(int64_t num_inference_steps) const override {
    WEFT_ASSIGN_OR_RETURN(std::vector<double> timesteps,
                          DistilledTimesteps(options(), num_inference_steps));
    return ScheduleOf(std::move(timesteps));
  }
};

SchedulerOptions Defaults() {
  SchedulerOptions defaults;
  defaults.beta_start = 0.00085;
  defaults.beta_end = 0.012;
  defaults.beta_schedule = "scaled_linear";
  defaults.clip_sample = false;
  return defaults;
}

}  // namespace

// timestep_spacing, steps_offset and set_alpha_to_one are options of the class that it never uses.
NodeType LCMSchedulerNode() {
  return SchedulerNode(
      {.type = "LCMScheduler",
       .doc = "Latent consistency: jump to a clean latent, and add noise for the next jump.",
       .defaults = Defaults(),
       .options = {"num_train_timesteps", "beta_start", "beta_end", "beta_schedule",
                   "trained_betas", "original_inference_steps", "clip_sample", "clip_sample_range",
                   "set_alpha_to_one", "steps_offset", "prediction_type", "thresholding",
                   "dynamic_thresholding_ratio", "sample_max_value", "timestep_spacing",
                   "timestep_scaling", "rescale_betas_zero_snr"},
       .make = MakeAlphaScheduler<LCMScheduler>});
}

}  // namespace weft
