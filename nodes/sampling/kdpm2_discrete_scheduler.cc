// The midpoint method (DPM-Solver-2 after Karras et al. 2022, arXiv 2206.00364): with the
// derivative d = (x - clean) / sigma, an Euler step to sigma_m = √(sigma sigma'), then from the
// start x' = x + (sigma' - sigma) d_m with the derivative there. Two calls a step.

#include "nodes/sampling/scheduler_classes.h"
#include "nodes/sampling/scheduler_node.h"
#include "nodes/sampling/sigma_scheduler.h"

namespace weft {
namespace {

class KDPM2DiscreteScheduler : public SigmaScheduler {
 public:
  using SigmaScheduler::SigmaScheduler;

  int64_t calls_per_step() const override { return 2; }

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const double level = in.schedule.model_sigma(in.index);
    const Tensor clean = CleanOfUnscaled(math, prediction(), in.output, in.latent, level);
    SchedulerState state{.num_inference_steps = in.state.num_inference_steps,
                         .calls = in.state.calls + 1};
    const bool last = in.index + 1 == in.schedule.size();
    const Tensor* from = &in.latent;
    double change = (last ? 0.0 : in.schedule.model_sigma(in.index + 1)) - level;
    if (in.state.sample.empty()) {
      state.sample = in.latent;
    } else {
      from = &in.state.sample;
      change = in.schedule.sigma(in.index) - in.schedule.sigma(std::max<int64_t>(in.index - 1, 0));
    }
    const double slope = change / level;
    return {math.Sum({{1.0, *from}, {slope, in.latent}, {-slope, clean}}), clean, std::move(state)};
  }

 protected:
  bool rounds_karras() const override { return true; }

  absl::StatusOr<Schedule> MakeSchedule(int64_t num_inference_steps) const override {
    WEFT_ASSIGN_OR_RETURN(const Schedule steps, SigmaScheduler::MakeSchedule(num_inference_steps));
    return WithLogMiddles(steps);
  }
};

}  // namespace

MadeScheduler MakeKDPM2Discrete(const SchedulerOptions& options) {
  return MakeSigmaScheduler<KDPM2DiscreteScheduler>(options);
}

NodeType KDPM2DiscreteSchedulerNode() {
  return SchedulerNode({.type = "KDPM2DiscreteScheduler",
                        .doc = "The midpoint method (DPM2): two calls of the model a step.",
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
                        .make = MakeKDPM2Discrete});
}

}  // namespace weft
