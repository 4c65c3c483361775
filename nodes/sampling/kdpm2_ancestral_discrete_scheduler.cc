// The midpoint method down to a lower noise level than wanted, and noise added up to it: as
// KDPM2DiscreteScheduler with `down` of ancestral_step.h in place of sigma', then + up·noise
// (K. Crowson's k-diffusion). Two calls a step.

#include "nodes/sampling/ancestral_step.h"
#include "nodes/sampling/scheduler_classes.h"
#include "nodes/sampling/scheduler_node.h"
#include "nodes/sampling/sigma_scheduler.h"

namespace weft {
namespace {

class KDPM2AncestralDiscreteScheduler : public SigmaScheduler {
 public:
  using SigmaScheduler::SigmaScheduler;

  int64_t calls_per_step() const override { return 2; }

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const double level = in.schedule.model_sigma(in.index);
    const Tensor clean = CleanOfUnscaled(math, prediction(), in.output, in.latent, level);
    SchedulerState state{.num_inference_steps = in.state.num_inference_steps,
                         .calls = in.state.calls + 1};
    if (in.state.sample.empty()) {
      const bool last = in.index + 1 == in.schedule.size();
      const double middle = last ? 0.0 : in.schedule.model_sigma(in.index + 1);
      const double slope = (middle - level) / level;
      state.sample = in.latent;
      return {math.Sum({{1.0 + slope, in.latent}, {-slope, clean}}), clean, std::move(state)};
    }
    const double start = in.schedule.sigma(std::max<int64_t>(in.index - 1, 0));
    const AncestralStep step = AncestralStepOf(start, in.schedule.sigma(in.index));
    const double slope = (step.down - start) / level;
    return {math.Sum({{1.0, in.state.sample},
                      {slope, in.latent},
                      {-slope, clean},
                      {step.up, DrawNoise(math, in)}}),
            clean, std::move(state)};
  }

 protected:
  bool rounds_karras() const override { return true; }

  absl::StatusOr<Schedule> MakeSchedule(int64_t num_inference_steps) const override {
    WEFT_ASSIGN_OR_RETURN(const Schedule steps, SigmaScheduler::MakeSchedule(num_inference_steps));
    std::vector<double> middles;
    for (int64_t i = 0; i < steps.size(); ++i) {
      const double sigma = steps.sigma(i);
      middles.push_back(LogMiddle(sigma, AncestralStepOf(sigma, steps.sigma(i + 1)).down));
    }
    return WithMiddles(steps, middles);
  }
};

}  // namespace

MadeScheduler MakeKDPM2AncestralDiscrete(const SchedulerOptions& options) {
  return MakeSigmaScheduler<KDPM2AncestralDiscreteScheduler>(options);
}

NodeType KDPM2AncestralDiscreteSchedulerNode() {
  return SchedulerNode(
      {.type = "KDPM2AncestralDiscreteScheduler",
       .doc = "The midpoint method (DPM2) with fresh noise at each step: two calls of the model.",
       .defaults = MidpointDefaults(),
       .options = {"num_train_timesteps",
                   "beta_start",
                   "beta_end",
                   "beta_schedule",
                   "trained_betas",
                   "use_karras_sigmas",
                   "use_exponential_sigmas",
                   "use_beta_sigmas",
                   {"prediction_type", {"epsilon", "v_prediction"}},
                   "timestep_spacing",
                   "steps_offset"},
       .make = MakeKDPM2AncestralDiscrete});
}

}  // namespace weft
