// DDIM the other way round, from a picture to the noise that leads to it (Mokady et al. 2022,
// arXiv 2211.09794, section 3.1): x' = √ā' clean + √(1 - ā') noise, with ā' of the timestep that
// the model is told and ā of the one a stride below, where the latent stands. Timesteps go up.

#include <algorithm>
#include <cmath>

#include "nodes/sampling/alpha_scheduler.h"
#include "nodes/sampling/scheduler_node.h"

namespace weft {
namespace {

class DDIMInverseScheduler : public AlphaScheduler {
 public:
  using AlphaScheduler::AlphaScheduler;

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const auto t = static_cast<int64_t>(in.schedule.timestep(in.index));
    const int64_t below = t - num_train_timesteps() / in.schedule.num_inference_steps;
    const double from = AlphaOrFinal(below);
    const Mix mix = {std::sqrt(from), std::sqrt(1.0 - from)};
    if (mix.sigma == 0.0 && prediction() == Prediction::kSample) {
      math.Fail(
          Invalid("a first step from no noise at all tells nothing of the noise where "
                  "prediction_type is sample; set set_alpha_to_one to false"));
      return {};
    }
    Tensor clean = CleanOf(math, prediction(), in.output, in.latent, mix);
    if (options().clip_sample) clean = math.Clamp(clean, options().clip_sample_range);
    const Tensor noise = NoiseOf(math, prediction(), in.output, in.latent, mix);
    const Mix to = MixAt(t);
    SchedulerState state = in.state;
    ++state.calls;
    return {math.Sum({{to.alpha, clean}, {to.sigma, noise}}), clean, std::move(state)};
  }

 protected:
  absl::StatusOr<Schedule> MakeSchedule(int64_t num_inference_steps) const override {
    WEFT_ASSIGN_OR_RETURN(Schedule down, AlphaScheduler::MakeSchedule(num_inference_steps));
    std::vector<double> up(down.timesteps.rbegin(), down.timesteps.rend());
    WEFT_ASSIGN_OR_RETURN(Schedule schedule, ScheduleOf(std::move(up)));
    schedule.sigmas.back() = *(schedule.sigmas.end() - 2);  // the last step ends with noise
    return schedule;
  }
};

SchedulerOptions Defaults() {
  SchedulerOptions defaults;
  defaults.timestep_spacing = "leading";
  return defaults;
}

}  // namespace

NodeType DDIMInverseSchedulerNode() {
  return SchedulerNode({.type = "DDIMInverseScheduler",
                        .doc = "DDIM run backwards: from a picture's latent to its noise.",
                        .defaults = Defaults(),
                        .options = {"num_train_timesteps",
                                    "beta_start",
                                    "beta_end",
                                    "beta_schedule",
                                    "trained_betas",
                                    "clip_sample",
                                    "set_alpha_to_one",
                                    "steps_offset",
                                    "prediction_type",
                                    "clip_sample_range",
                                    {"timestep_spacing", {"leading", "trailing"}},
                                    "rescale_betas_zero_snr"},
                        .make = MakeAlphaScheduler<DDIMInverseScheduler>});
}

}  // namespace weft
