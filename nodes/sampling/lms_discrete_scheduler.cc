// Linear multistep (Adams-Bashforth with uneven steps): x' = x + Σ d_k ∫ L_k(s) ds from sigma to
// sigma', d_k being the derivative (x - clean) / sigma of k steps ago and L_k the Lagrange
// polynomial that is one at its sigma (K. Crowson, k-diffusion).

#include <algorithm>

#include "nodes/sampling/scheduler_classes.h"
#include "nodes/sampling/scheduler_node.h"
#include "nodes/sampling/sigma_scheduler.h"

namespace weft {
namespace {

// ∫ from a to b by Gauss-Legendre with eight points: exact for polynomials up to degree 15.
template <typename F>
double Integral(F f, double a, double b) {
  constexpr double kPoints[] = {0.1834346424956498, 0.5255324099163290, 0.7966664774136267,
                                0.9602898564975363};
  constexpr double kWeights[] = {0.3626837833783620, 0.3137066458778873, 0.2223810344533745,
                                 0.1012285362903763};
  const double middle = 0.5 * (a + b);
  const double half = 0.5 * (b - a);
  double sum = 0.0;
  for (int i = 0; i < 4; ++i) {
    sum += kWeights[i] * (f(middle - half * kPoints[i]) + f(middle + half * kPoints[i]));
  }
  return sum * half;
}

// The weight of the derivative of k steps before `index`, among `order` of them.
double Weight(const Schedule& schedule, int64_t index, int64_t order, int64_t k) {
  const auto lagrange = [&](double sigma) {
    double product = 1.0;
    for (int64_t j = 0; j < order; ++j) {
      if (j == k) continue;
      const double other = schedule.sigma(index - j);
      product *= (sigma - other) / (schedule.sigma(index - k) - other);
    }
    return product;
  };
  return Integral(lagrange, schedule.sigma(index), schedule.sigma(index + 1));
}

class LMSDiscreteScheduler : public SigmaScheduler {
 public:
  using SigmaScheduler::SigmaScheduler;

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const double sigma = in.schedule.sigma(in.index);
    const Tensor clean = CleanOfUnscaled(math, prediction(), in.output, in.latent, sigma);
    SchedulerState state = in.state;
    ++state.calls;
    std::vector<Tensor>& past = state.history;
    past.push_back(math.Sum({{1.0 / sigma, in.latent}, {-1.0 / sigma, clean}}));
    KeepLatest(past, options().order);
    // ComfyUI ends with the clean latent, diffusers with a multistep step as every other.
    if (!options().sampler.schedule.empty() && in.schedule.sigma(in.index + 1) == 0.0) {
      return {clean, clean, std::move(state)};
    }
    // A run that starts late has fewer derivatives than its index says; as in diffusers the
    // weights are those of the index.
    const int64_t order = std::min(in.index + 1, options().order);
    std::vector<LatentMath::Term> terms = {{1.0, in.latent}};
    for (int64_t k = 0; k < std::min<int64_t>(order, static_cast<int64_t>(past.size())); ++k) {
      const Tensor& derivative = past[past.size() - 1 - static_cast<size_t>(k)];
      terms.push_back({Weight(in.schedule, in.index, order, k), derivative});
    }
    Tensor latent = math.Sum(terms);
    return {std::move(latent), clean, std::move(state)};
  }
};

}  // namespace

MadeScheduler MakeLMSDiscrete(const SchedulerOptions& options) {
  return MakeSigmaScheduler<LMSDiscreteScheduler>(options);
}

NodeType LMSDiscreteSchedulerNode() {
  return SchedulerNode(
      {.type = "LMSDiscreteScheduler",
       .doc = "Linear multistep: the derivatives of the last steps, each with its weight.",
       .options = {"num_train_timesteps", "beta_start", "beta_end", "beta_schedule",
                   "trained_betas", "use_karras_sigmas", "use_exponential_sigmas",
                   "use_beta_sigmas", "prediction_type", "timestep_spacing", "steps_offset",
                   "order"},
       .make = MakeLMSDiscrete});
}

}  // namespace weft
