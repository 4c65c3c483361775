// Euler's method on the probability flow: x' = x + (sigma' - sigma) (x - clean) / sigma
// (Karras et al. 2022, arXiv 2206.00364, algorithm 2 without its correction).

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "nodes/sampling/scheduler_node.h"
#include "nodes/sampling/sigma_scheduler.h"

namespace weft {
namespace {

class EulerDiscreteScheduler : public SigmaScheduler {
 public:
  using SigmaScheduler::SigmaScheduler;

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const double sigma = in.schedule.sigma(in.index);
    const double next = in.schedule.sigma(in.index + 1);
    const double gamma = Churn(in.schedule, sigma);
    const double raised = sigma * (gamma + 1.0);
    Tensor latent = in.latent;
    if (gamma > 0.0) {
      const double added = options().s_noise * std::sqrt(raised * raised - sigma * sigma);
      latent = math.Sum({{1.0, in.latent}, {added, Draw(math, in)}});
    }
    const double level = prediction() == Prediction::kEpsilon ? raised : sigma;
    const Tensor clean = CleanOfUnscaled(math, prediction(), in.output, latent, level);
    const double ratio = (next - raised) / raised;
    SchedulerState state = in.state;
    ++state.calls;
    return {math.Sum({{1.0 + ratio, latent}, {-ratio, clean}}), clean, std::move(state)};
  }

 private:
  // By how much the noise level is raised before the step.
  double Churn(const Schedule& schedule, double sigma) const {
    const double most = options().s_tmax.value_or(std::numeric_limits<double>::infinity());
    if (sigma < options().s_tmin || sigma > most) return 0.0;
    const auto levels = static_cast<double>(schedule.sigmas.size() - 1);
    return std::min(options().s_churn / levels, std::numbers::sqrt2 - 1.0);
  }
};

}  // namespace

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
                        .make = MakeSigmaScheduler<EulerDiscreteScheduler>});
}

}  // namespace weft
