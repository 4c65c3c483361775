// Euler's method on the probability flow: x' = x + (sigma' - sigma) (x - clean) / sigma
// (Karras et al. 2022, arXiv 2206.00364, algorithm 2 without its correction).

#include "nodes/sampling/churn.h"
#include "nodes/sampling/scheduler_classes.h"
#include "nodes/sampling/scheduler_node.h"
#include "nodes/sampling/sigma_scheduler.h"

namespace weft {
namespace {

class EulerDiscreteScheduler : public SigmaScheduler {
 public:
  using SigmaScheduler::SigmaScheduler;

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const double sigma = in.schedule.sigma(in.index);
    const ChurnedLatent churned = Churned(math, in, options());
    const double level = prediction() == Prediction::kEpsilon ? churned.sigma : sigma;
    const Tensor clean = CleanOfUnscaled(math, prediction(), in.output, churned.latent, level);
    const double ratio = in.schedule.sigma(in.index + 1) / churned.sigma;
    SchedulerState state = in.state;
    ++state.calls;
    return {math.Sum({{ratio, churned.latent}, {1.0 - ratio, clean}}), clean, std::move(state)};
  }
};

}  // namespace

MadeScheduler MakeEulerDiscrete(const SchedulerOptions& options) {
  return MakeSigmaScheduler<EulerDiscreteScheduler>(options);
}

NodeType EulerDiscreteSchedulerNode() {
  return SchedulerNode({.type = "EulerDiscreteScheduler",
                        .doc = "Euler's method: x' = x + (sigma' - sigma) (x - clean) / sigma.",
                        .options = {"num_train_timesteps",
                                    "beta_start",
                                    "beta_end",
                                    "beta_schedule",
                                    "trained_betas",
                                    "prediction_type",
                                    "interpolation_type",
                                    "use_karras_sigmas",
                                    "use_exponential_sigmas",
                                    "use_beta_sigmas",
                                    "sigma_min",
                                    "sigma_max",
                                    "timestep_spacing",
                                    "timestep_type",
                                    "steps_offset",
                                    "rescale_betas_zero_snr",
                                    "final_sigmas_type",
                                    "s_churn",
                                    "s_tmin",
                                    "s_tmax",
                                    "s_noise"},
                        .make = MakeEulerDiscrete});
}

}  // namespace weft
