// Heun's method (Karras et al. 2022, arXiv 2206.00364, algorithm 1): an Euler step, then the step
// done over with the mean of the derivatives at both its ends. Two calls a step.

#include <algorithm>

#include "nodes/sampling/scheduler_classes.h"
#include "nodes/sampling/scheduler_node.h"
#include "nodes/sampling/sigma_scheduler.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

class HeunDiscreteScheduler : public SigmaScheduler {
 public:
  using SigmaScheduler::SigmaScheduler;

  int64_t calls_per_step() const override { return 2; }

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const double sigma = in.schedule.sigma(in.index);
    Tensor clean = CleanOfUnscaled(math, prediction(), in.output, in.latent, sigma);
    if (options().clip_sample) clean = math.Clamp(clean, options().clip_sample_range);
    const Tensor derivative = math.Sum({{1.0 / sigma, in.latent}, {-1.0 / sigma, clean}});
    SchedulerState state{.num_inference_steps = in.state.num_inference_steps,
                         .calls = in.state.calls + 1};
    if (in.state.sample.empty() || in.state.history.empty()) {
      const double change = in.schedule.sigma(in.index + 1) - sigma;
      state.sample = in.latent;
      state.history.push_back(derivative);
      return {math.Sum({{1.0, in.latent}, {change, derivative}}), clean, std::move(state)};
    }
    // The second call looks from the end of the step: its sigma is where the step leads.
    const double change = sigma - in.schedule.sigma(std::max<int64_t>(in.index - 1, 0));
    Tensor latent = math.Sum({{1.0, in.state.sample},
                              {0.5 * change, in.state.history.front()},
                              {0.5 * change, derivative}});
    return {std::move(latent), clean, std::move(state)};
  }

 protected:
  // Each sigma but the first and the last comes twice, and each timestep but the first.
  absl::StatusOr<Schedule> MakeSchedule(int64_t num_inference_steps) const override {
    WEFT_ASSIGN_OR_RETURN(const Schedule steps, SigmaScheduler::MakeSchedule(num_inference_steps));
    Schedule calls;
    for (int64_t i = 0; i < steps.size(); ++i) {
      calls.timesteps.insert(calls.timesteps.end(), i == 0 ? 1 : 2, steps.timestep(i));
      calls.sigmas.insert(calls.sigmas.end(), i == 0 ? 1 : 2, steps.sigma(i));
    }
    calls.sigmas.push_back(steps.sigmas.back());
    return calls;
  }
};

SchedulerOptions Defaults() {
  SchedulerOptions defaults;
  defaults.beta_start = 0.00085;
  defaults.beta_end = 0.012;
  defaults.clip_sample = false;
  return defaults;
}

}  // namespace

MadeScheduler MakeHeunDiscrete(const SchedulerOptions& options) {
  return MakeSigmaScheduler<HeunDiscreteScheduler>(options);
}

NodeType HeunDiscreteSchedulerNode() {
  return SchedulerNode(
      {.type = "HeunDiscreteScheduler",
       .doc = "Heun's method of second order: two calls of the model a step.",
       .defaults = Defaults(),
       .options = {"num_train_timesteps", "beta_start", "beta_end", "beta_schedule",
                   "trained_betas", "prediction_type", "use_karras_sigmas",
                   "use_exponential_sigmas", "use_beta_sigmas", "clip_sample", "clip_sample_range",
                   "timestep_spacing", "steps_offset"},
       .make = MakeHeunDiscrete});
}

}  // namespace weft
