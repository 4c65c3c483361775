// DEIS (Zhang and Chen 2022, arXiv 2204.13902), multistep in log rho: with rho = sigma / alpha,
// x' / alpha' = x / alpha + Σ_k m_k ∫ L_k(ln rho) drho from rho to rho', m_k being the noise of k
// steps ago and L_k the Lagrange polynomial that is one at its ln rho.

#include <cmath>

#include "nodes/sampling/scheduler_node.h"
#include "nodes/sampling/solver_scheduler.h"

namespace weft {
namespace {

// ∫ L_k(ln r) dr from `from` to `to`; `logs` are the ln rho of the past outputs, newest first.
double Weight(const std::vector<double>& logs, size_t k, double from, double to) {
  // L_k as a polynomial in ln r, lowest power first, and the antiderivatives
  // ∫ dr = r, ∫ ln r dr = r (ln r - 1), ∫ ln² r dr = r (ln² r - 2 ln r + 2).
  std::vector<double> polynomial = {1.0};
  for (size_t j = 0; j < logs.size(); ++j) {
    if (j == k) continue;
    const double scale = 1.0 / (logs[k] - logs[j]);
    polynomial.push_back(0.0);
    for (size_t p = polynomial.size(); p-- > 0;) {
      polynomial[p] = scale * ((p > 0 ? polynomial[p - 1] : 0.0) - logs[j] * polynomial[p]);
    }
  }
  const auto integral = [&polynomial](double r) {
    const double l = std::log(r);
    const double powers[] = {r, r * (l - 1.0), r * (l * l - 2.0 * l + 2.0)};
    double sum = 0.0;
    for (size_t p = 0; p < polynomial.size(); ++p) sum += polynomial[p] * powers[p];
    return sum;
  };
  return integral(to) - integral(from);
}

class DEISMultistepScheduler : public SolverScheduler {
 public:
  using SolverScheduler::SolverScheduler;

  static absl::StatusOr<std::shared_ptr<const Scheduler>> Make(const SchedulerOptions& options) {
    if (options.solver_order > 3) {
      return Invalid("\"solver_order\" is ", options.solver_order, "; DEIS has orders 1 to 3");
    }
    return MakeSolverScheduler<DEISMultistepScheduler>(options);
  }

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const Mix mix = At(in.schedule, in.index).mix;
    Tensor clean = CleanOf(math, prediction(), in.output, in.latent, mix);
    Tensor noise;
    if (options().thresholding) {
      clean = Thresholded(math, clean);
      noise = NoiseOf(math, Prediction::kSample, clean, in.latent, mix);
    } else {
      noise = NoiseOf(math, prediction(), in.output, in.latent, mix);
    }
    SchedulerState state = in.state;
    ++state.calls;
    std::vector<Tensor>& past = state.history;
    past.push_back(noise);
    KeepLatest(past, options().solver_order);
    Tensor latent = Next(math, in, past);
    return {std::move(latent), std::move(clean), std::move(state)};
  }

 protected:
  double FinalSigma(const std::vector<double>& sigmas) const override {
    return Respaces(options()) || options().use_flow_sigmas ? sigmas.back() : noise().min_sigma();
  }

 private:
  Tensor Next(LatentMath& math, const StepInput& in, const std::vector<Tensor>& past) const {
    const int64_t order = OrderOf(in, past.size());
    const Mix from = At(in.schedule, in.index).mix;
    const Mix to = At(in.schedule, in.index + 1).mix;
    std::vector<double> logs;
    for (int64_t k = 0; k < order; ++k) {
      const Mix mix = At(in.schedule, in.index - k).mix;
      logs.push_back(std::log(mix.sigma / mix.alpha));
    }
    std::vector<LatentMath::Term> terms = {{to.alpha / from.alpha, in.latent}};
    for (size_t k = 0; k < logs.size(); ++k) {
      const double weight = Weight(logs, k, from.sigma / from.alpha, to.sigma / to.alpha);
      terms.push_back({to.alpha * weight, past[past.size() - 1 - k]});
    }
    return math.Sum(terms);
  }
};

SchedulerOptions Defaults() {
  SchedulerOptions defaults;
  defaults.algorithm_type = "deis";
  defaults.solver_type = "logrho";
  defaults.final_sigmas_type = "sigma_min";  // the only one that DEIS knows
  return defaults;
}

}  // namespace

NodeType DEISMultistepSchedulerNode() {
  return SchedulerNode(
      {.type = "DEISMultistepScheduler",
       .doc = "DEIS: an exponential integrator with polynomials in the logarithm of the noise.",
       .defaults = Defaults(),
       .options = SolverOptions({"solver_order",
                                 {"algorithm_type", {"deis", "dpmsolver", "dpmsolver++"}},
                                 "solver_type",
                                 "timestep_spacing",
                                 "steps_offset"}),
       .make = DEISMultistepScheduler::Make});
}

}  // namespace weft
