// Trajectory consistency distillation (Zheng et al. 2024, arXiv 2402.19159, algorithm 4): with t'
// the next timestep, each call jumps past it to s = floor((1 - eta) t'),
// x_s = √ā_s clean + √(1-ā_s) noise, and comes back up: x' = √(ā'/ā_s) x_s + √(1 - ā'/ā_s) fresh.

#include <cmath>

#include "nodes/sampling/alpha_scheduler.h"
#include "nodes/sampling/distilled_timesteps.h"
#include "nodes/sampling/scheduler_node.h"

namespace weft {
namespace {

class TCDScheduler : public AlphaScheduler {
 public:
  using AlphaScheduler::AlphaScheduler;

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const bool last = in.index + 1 == in.schedule.size();
    const auto t = static_cast<int64_t>(in.schedule.timestep(in.index));
    // The last step leads to the first training step, not to no noise at all.
    const auto next = last ? 0 : static_cast<int64_t>(in.schedule.timestep(in.index + 1));
    // In f32, whose rounding decides where the product is nearly whole.
    const auto s = static_cast<int64_t>(
        std::floor(static_cast<float>(1.0 - options().eta) * static_cast<float>(next)));
    const Mix mix = MixAt(t);
    const Mix past = MixAt(s);
    const Tensor clean = CleanOf(math, prediction(), in.output, in.latent, mix);
    const Tensor noise = NoiseOf(math, prediction(), in.output, in.latent, mix);
    Tensor latent = math.Sum({{past.alpha, clean}, {past.sigma, noise}});
    SchedulerState state = in.state;
    ++state.calls;
    if (options().eta > 0.0 && !last) {
      const double ratio = alpha(next) / alpha(s);
      latent =
          math.Sum({{std::sqrt(ratio), latent}, {std::sqrt(1.0 - ratio), DrawNoise(math, in)}});
    }
    return {std::move(latent), clean, std::move(state)};
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
  defaults.timestep_spacing = "leading";
  defaults.eta = 0.3;
  return defaults;
}

}  // namespace

// What LCMScheduler ignores, this class ignores as well, and clipping, thresholding and
// timestep_scaling.
NodeType TCDSchedulerNode() {
  return SchedulerNode(
      {.type = "TCDScheduler",
       .doc = "Trajectory consistency: jump past the next timestep, and add noise back up to it.",
       .defaults = Defaults(),
       .options = {"num_train_timesteps", "beta_start", "beta_end", "beta_schedule",
                   "trained_betas", "original_inference_steps", "clip_sample", "clip_sample_range",
                   "set_alpha_to_one", "steps_offset", "prediction_type", "thresholding",
                   "dynamic_thresholding_ratio", "sample_max_value", "timestep_spacing",
                   "timestep_scaling", "rescale_betas_zero_snr", "eta"},
       .make = MakeAlphaScheduler<TCDScheduler>});
}

}  // namespace weft
