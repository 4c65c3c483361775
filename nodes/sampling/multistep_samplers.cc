// Two multistep samplers of ComfyUI on the derivatives d = (x - clean) / sigma of past steps, both
// with an Euler step at the end.

#include <algorithm>
#include <cmath>

#include "nodes/sampling/adams_bashforth.h"
#include "nodes/sampling/scheduler_classes.h"
#include "nodes/sampling/sigma_scheduler.h"

namespace weft {
namespace {

// What the two share: the derivatives of the last `kept` steps.
class DerivativeSampler : public SigmaScheduler {
 public:
  using SigmaScheduler::SigmaScheduler;

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const double sigma = in.schedule.sigma(in.index);
    const Tensor clean = CleanOfUnscaled(math, prediction(), in.output, in.latent, sigma);
    SchedulerState state = in.state;
    ++state.calls;
    state.history.push_back(math.Sum({{1.0 / sigma, in.latent}, {-1.0 / sigma, clean}}));
    KeepLatest(state.history, kept());
    if (in.schedule.sigma(in.index + 1) == 0.0) return {clean, clean, std::move(state)};
    Tensor latent = Next(math, in, state.history);
    return {std::move(latent), clean, std::move(state)};
  }

 protected:
  virtual int64_t kept() const = 0;
  virtual Tensor Next(LatentMath& math, const StepInput& in,
                      const std::vector<Tensor>& past) const = 0;
};

// iPNDM (Zhang and Chen 2022, arXiv 2204.13902): x' = x + (sigma' - sigma) times the
// Adams-Bashforth mean of four derivatives, as if the steps were even.
class IpndmSampler : public DerivativeSampler {
 public:
  using DerivativeSampler::DerivativeSampler;

 protected:
  int64_t kept() const override { return kAdamsBashforthOrder; }
  Tensor Next(LatentMath& math, const StepInput& in,
              const std::vector<Tensor>& past) const override {
    const double change = in.schedule.sigma(in.index + 1) - in.schedule.sigma(in.index);
    return math.Sum({{1.0, in.latent}, {change, AdamsBashforthMean(math, past)}});
  }
};

// DEIS in its form tAB (arXiv 2204.13902, eq. 15): x' = x + Σ_k d_k ∫ L_k(t(sigma)) dsigma, L_k
// being a Lagrange polynomial in the time t of a process with linear betas from sigma 0.002 at t =
// 0.001 to 80 at t = 1, where ln(sigma² + 1) = beta_d t²/2 + beta_min t.
class DeisSampler : public DerivativeSampler {
 public:
  using DerivativeSampler::DerivativeSampler;

 protected:
  int64_t kept() const override { return 3; }
  Tensor Next(LatentMath& math, const StepInput& in,
              const std::vector<Tensor>& past) const override {
    std::vector<double> times;  // newest first
    for (size_t k = 0; k < past.size(); ++k) {
      times.push_back(TimeOf(in.schedule.sigma(in.index - static_cast<int64_t>(k))));
    }
    const double end = TimeOf(in.schedule.sigma(in.index + 1));
    std::vector<LatentMath::Term> terms = {{1.0, in.latent}};
    for (size_t k = 0; k < past.size(); ++k) {
      const double weight = past.size() == 1
                                ? in.schedule.sigma(in.index + 1) - in.schedule.sigma(in.index)
                                : Weight(times, k, end);
      terms.push_back({weight, past[past.size() - 1 - k]});
    }
    return math.Sum(terms);
  }

 private:
  static constexpr double kFirstTime = 1e-3;
  static double LogVariance(double sigma) { return std::log(sigma * sigma + 1.0); }
  static double BetaD() {
    return 2.0 * (LogVariance(0.002) / kFirstTime - LogVariance(80.0)) / (kFirstTime - 1.0);
  }
  static double BetaMin() { return LogVariance(80.0) - 0.5 * BetaD(); }
  static double TimeOf(double sigma) {
    const double low = BetaMin();
    return (std::sqrt(low * low + 2.0 * BetaD() * LogVariance(sigma)) - low) / BetaD();
  }

  // The integral as a sum over points from the newest time to `end`, both with full weight, as the
  // original takes it; its error of 1e-4 is part of the result.
  static double Weight(const std::vector<double>& times, size_t k, double end) {
    constexpr int kPoints = 10000;
    double sum = 0.0;
    for (int i = 0; i < kPoints; ++i) {
      const double t = times[0] + (end - times[0]) * i / (kPoints - 1);
      const double growth = BetaD() * t + BetaMin();  // of ln(sigma² + 1)
      const double squared = std::expm1(0.5 * BetaD() * t * t + BetaMin() * t);  // sigma²
      double polynomial = 1.0;
      for (size_t j = 0; j < times.size(); ++j) {
        if (j != k) polynomial *= (t - times[j]) / (times[k] - times[j]);
      }
      sum += polynomial * 0.5 * growth * (squared + 1.0) / std::sqrt(squared);  // dsigma/dt
    }
    return sum * (end - times[0]) / kPoints;
  }
};

}  // namespace

MadeScheduler MakeDeisSampler(const SchedulerOptions& options) {
  return MakeSigmaScheduler<DeisSampler>(options);
}

MadeScheduler MakeIpndmSampler(const SchedulerOptions& options) {
  return MakeSigmaScheduler<IpndmSampler>(options);
}

}  // namespace weft
