#include "nodes/sampling/dpm_solver.h"

#include <cmath>

#include "absl/strings/match.h"

namespace weft {

// "deis" is another solver's name in configs; like diffusers it is taken as dpmsolver++.
DpmSolver::DpmSolver(SchedulerOptions options, NoiseSchedule noise)
    : SolverScheduler(std::move(options), std::move(noise)),
      solves_clean_(!absl::EndsWith(this->options().algorithm_type, "dpmsolver")),
      stochastic_(absl::StartsWith(this->options().algorithm_type, "sde-")) {}

absl::Status CheckDpmOptions(const SchedulerOptions& options) {
  if (options.solver_order > 3) {
    return Invalid("\"solver_order\" is ", options.solver_order, "; DPM-Solver has orders 1 to 3");
  }
  if (options.algorithm_type == "sde-dpmsolver" && options.solver_order > 2) {
    return Invalid("\"solver_order\" is 3; \"algorithm_type\" sde-dpmsolver has orders 1 and 2");
  }
  if (absl::EndsWith(options.algorithm_type, "dpmsolver") && options.final_sigmas_type == "zero") {
    return Invalid("\"final_sigmas_type\" zero does not go with \"algorithm_type\" ",
                   options.algorithm_type, ", which divides by the final sigma; use sigma_min");
  }
  return absl::OkStatus();
}

DpmSolver::Weights DpmSolver::WeightsFor(const Point& from, const Point& to, bool taylor) const {
  const double h = to.lambda - from.lambda;
  if (h == 0.0) return {};  // the step leads nowhere
  // In lambda the update is x' = (ratio) x + scale ∫ e^{±lambda} D(lambda): for the clean latent
  // with weights of e^{-h}, or of e^{-2h} where noise is added; for the noise with those of e^h.
  Weights weights;
  const double ratio =
      solves_clean_ ? to.mix.sigma / from.mix.sigma : to.mix.alpha / from.mix.alpha;
  if (solves_clean_) {
    const double k = stochastic_ ? -2.0 * h : -h;
    const double change = std::expm1(k);
    weights.latent = stochastic_ ? ratio * std::exp(-h) : ratio;
    weights.derivatives[0] = -to.mix.alpha * change;
    weights.derivatives[1] =
        taylor ? to.mix.alpha * (stochastic_ ? change / (2.0 * h) + 1.0 : change / h + 1.0)
               : 0.5 * weights.derivatives[0];
    // Where noise is added the half has the sign that diffusers gives it.
    weights.derivatives[2] = -to.mix.alpha * ((change - k) / (k * k) + (stochastic_ ? 0.5 : -0.5));
    if (stochastic_) weights.noise = to.mix.sigma * std::sqrt(-std::expm1(-2.0 * h));
    return weights;
  }
  const double change = std::expm1(h);
  const double times = stochastic_ ? 2.0 : 1.0;
  weights.latent = ratio;
  weights.derivatives[0] = -times * to.mix.sigma * change;
  weights.derivatives[1] =
      taylor ? -times * to.mix.sigma * (change / h - 1.0) : 0.5 * weights.derivatives[0];
  weights.derivatives[2] = -to.mix.sigma * ((change - h) / (h * h) - 0.5);
  if (stochastic_) weights.noise = to.mix.sigma * std::sqrt(std::expm1(2.0 * h));
  return weights;
}

DpmSolver::Solved DpmSolver::Solve(LatentMath& math, const StepInput& in) const {
  const Mix mix = At(in.schedule, in.index).mix;
  const Tensor output = WithoutVariance(math, in);
  const Tensor clean = Thresholded(math, CleanOf(math, prediction(), output, in.latent, mix));
  if (solves_clean_) return {clean, clean};
  if (options().thresholding) {
    return {NoiseOf(math, Prediction::kSample, clean, in.latent, mix), clean};
  }
  return {NoiseOf(math, prediction(), output, in.latent, mix), clean};
}

Tensor DpmSolver::Update(LatentMath& math, const Tensor& sample, const Weights& weights,
                         const std::vector<Past>& past, const Tensor& fresh) {
  std::vector<LatentMath::Term> terms = {{weights.latent, sample}};
  for (const Past& one : past) {
    double factor = 0.0;
    for (int k = 0; k < 3; ++k) {
      // A derivative that this order has not stays out, whatever its weight.
      if (one.in_derivatives[k] != 0.0) factor += weights.derivatives[k] * one.in_derivatives[k];
    }
    terms.push_back({factor, one.value});
  }
  if (!fresh.empty()) terms.push_back({weights.noise, fresh});
  return math.Sum(terms);
}

}  // namespace weft
