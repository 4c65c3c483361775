// UniPC (Zhao et al. 2023, arXiv 2302.04867, algorithms 5 and 7): a multistep predictor, and a
// corrector that does the last step over once the model has seen where it led. With
// r_k = (lambda_{s_k} - lambda_s) / h and weights rho that solve Σ rho_k r_k^i = b_i:
// x' = (sigma'/sigma) x - alpha' (e^{-h} - 1) m - alpha' B(h) Σ rho_k (m_k - m) / r_k for the clean
// latent, and with alpha and sigma exchanged and -h for the noise.

#include <algorithm>
#include <cmath>

#include "nodes/sampling/scheduler_classes.h"
#include "nodes/sampling/scheduler_node.h"
#include "nodes/sampling/solver_scheduler.h"

namespace weft {
namespace {

// Solves matrix · x = right in place by elimination with row exchange.
std::vector<double> SolveLinear(std::vector<std::vector<double>> matrix,
                                std::vector<double> right) {
  const size_t n = right.size();
  for (size_t column = 0; column < n; ++column) {
    size_t pivot = column;
    for (size_t row = column + 1; row < n; ++row) {
      if (std::abs(matrix[row][column]) > std::abs(matrix[pivot][column])) pivot = row;
    }
    std::swap(matrix[column], matrix[pivot]);
    std::swap(right[column], right[pivot]);
    for (size_t row = column + 1; row < n; ++row) {
      const double factor = matrix[row][column] / matrix[column][column];
      for (size_t k = column; k < n; ++k) matrix[row][k] -= factor * matrix[column][k];
      right[row] -= factor * right[column];
    }
  }
  for (size_t row = n; row-- > 0;) {
    for (size_t k = row + 1; k < n; ++k) right[row] -= matrix[row][k] * right[k];
    right[row] /= matrix[row][row];
  }
  return right;
}

class UniPCMultistepScheduler : public SolverScheduler {
 public:
  using SolverScheduler::SolverScheduler;

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    SchedulerState state = in.state;
    const Mix mix = At(in.schedule, in.index).mix;
    const Tensor output = WithoutVariance(math, in);
    Tensor clean = CleanOf(math, prediction(), output, in.latent, mix);
    if (options().predict_x0) clean = Thresholded(math, clean);
    const Tensor solved =
        options().predict_x0 ? clean : NoiseOf(math, prediction(), output, in.latent, mix);

    Tensor latent = in.latent;
    if (Corrects(in)) {
      latent = Update(math, in.schedule, in.index - 1, state.sample, state.history, state.order,
                      &solved);
    }
    state.history.push_back(solved);
    KeepLatest(state.history, options().solver_order);
    state.order = OrderOf(in, state.history.size());
    state.sample = latent;
    ++state.calls;
    latent = Update(math, in.schedule, in.index, latent, state.history, state.order, nullptr);
    return {std::move(latent), std::move(clean), std::move(state)};
  }

 protected:
  double FinalSigma(const std::vector<double>& sigmas) const override {
    return Respaces(options()) || options().use_flow_sigmas ? sigmas.back() : noise().min_sigma();
  }

  // From 1 down to 1/T in count + 1 points, without the last; then shifted, and stretched so that
  // the lowest is shift_terminal.
  std::vector<double> FlowSigmas(int64_t count) const override {
    const double least = 1.0 / static_cast<double>(num_train_timesteps());
    std::vector<double> sigmas;
    for (int64_t i = 0; i < count; ++i) {
      const double even = 1.0 + (least - 1.0) * static_cast<double>(i) / static_cast<double>(count);
      sigmas.push_back(ShiftedFlow(even, options().flow_shift));
    }
    if (options().shift_terminal.value_or(0.0) > 0.0) {
      const double stretch = (1.0 - sigmas.back()) / (1.0 - *options().shift_terminal);
      for (double& sigma : sigmas) sigma = 1.0 - (1.0 - sigma) / stretch;
    }
    constexpr double kBelowOne = 1e-6;  // at 1 there is no signal, and lambda is infinite
    sigmas.front() = std::min(sigmas.front(), 1.0 - kBelowOne);
    return sigmas;
  }

 private:
  bool Corrects(const StepInput& in) const {
    const std::vector<int64_t>& off = options().disable_corrector;
    return in.index > 0 && !in.state.sample.empty() && !in.state.history.empty() &&
           std::find(off.begin(), off.end(), in.index - 1) == off.end();
  }

  int64_t OrderOf(const StepInput& in, size_t outputs) const {
    const int64_t left = in.schedule.size() - in.index;
    int64_t order = std::min({options().solver_order, static_cast<int64_t>(outputs), in.index + 1});
    if (options().lower_order_final) order = std::min(order, left);
    // A step to no noise at all is infinitely long in lambda: only order 1 has a limit.
    return in.schedule.sigma(in.index + 1) == 0.0 ? 1 : order;
  }

  // The step from `index` to the next with the last `order` values of `past`; `reached` is the
  // value at its end where the step is being corrected.
  Tensor Update(LatentMath& math, const Schedule& schedule, int64_t index, const Tensor& sample,
                const std::vector<Tensor>& past, int64_t order, const Tensor* reached) const {
    const Point from = At(schedule, index);
    const Point to = At(schedule, index + 1);
    const double h = to.lambda - from.lambda;
    if (h == 0.0) return sample;
    order = std::clamp<int64_t>(order, 1, std::min<int64_t>(index + 1, std::ssize(past)));
    const bool x0 = options().predict_x0;
    const double hh = x0 ? -h : h;
    // sigma' e^h is alpha' sigma / alpha, also where sigma' is zero and h infinite.
    const double first = x0 ? to.mix.alpha * std::expm1(hh)
                            : to.mix.alpha * from.mix.sigma / from.mix.alpha - to.mix.sigma;
    const double ratio = x0 ? to.mix.sigma / from.mix.sigma : to.mix.alpha / from.mix.alpha;
    const double b = options().solver_type == "bh1" ? hh : std::expm1(hh);

    std::vector<double> nodes;  // r_k of the past values, then 1 for the end of the step
    for (int64_t k = 1; k < order; ++k) {
      nodes.push_back((At(schedule, index - k).lambda - from.lambda) / h);
    }
    nodes.push_back(1.0);
    const std::vector<double> rho = Rho(nodes, hh, b, reached != nullptr);

    const Tensor& m0 = past.back();
    double of_m0 = -first;
    std::vector<LatentMath::Term> terms = {{ratio, sample}};
    const double scale = (x0 ? to.mix.alpha : to.mix.sigma) * b;
    for (size_t k = 0; k < rho.size(); ++k) {
      const bool end = reached != nullptr && k + 1 == nodes.size();
      const Tensor& value = end ? *reached : past[past.size() - 2 - k];
      const double factor = -scale * rho[k] / nodes[k];
      terms.push_back({factor, value});
      of_m0 -= factor;
    }
    terms.push_back({of_m0, m0});
    return math.Sum(terms);
  }

  // The weights rho of the differences: of the past ones only, or with that to the end.
  static std::vector<double> Rho(const std::vector<double>& nodes, double hh, double b,
                                 bool corrects) {
    const size_t count = nodes.size() - (corrects ? 0 : 1);
    if (count == 0) return {};
    if (count == 1) return {0.5};
    std::vector<std::vector<double>> powers;
    std::vector<double> right;
    double phi = std::expm1(hh) / hh - 1.0;
    double factorial = 1.0;
    for (size_t i = 0; i < count; ++i) {
      std::vector<double>& row = powers.emplace_back();
      for (size_t k = 0; k < count; ++k) row.push_back(std::pow(nodes[k], static_cast<double>(i)));
      right.push_back(phi * factorial / b);
      factorial *= static_cast<double>(i + 2);
      phi = phi / hh - 1.0 / factorial;
    }
    return SolveLinear(std::move(powers), std::move(right));
  }
};

SchedulerOptions Defaults() {
  SchedulerOptions defaults;
  defaults.solver_type = "bh2";
  return defaults;
}

}  // namespace

MadeScheduler MakeUniPCMultistep(const SchedulerOptions& options) {
  return MakeSolverScheduler<UniPCMultistepScheduler>(options);
}

NodeType UniPCMultistepSchedulerNode() {
  return SchedulerNode(
      {.type = "UniPCMultistepScheduler",
       .doc = "UniPC: a multistep predictor and a corrector that costs no call of the model.",
       .defaults = Defaults(),
       .options =
           SolverOptions({"solver_order", "predict_x0", "solver_type", "disable_corrector",
                          "timestep_spacing", "steps_offset", "final_sigmas_type",
                          "rescale_betas_zero_snr", "sigma_min", "sigma_max", "shift_terminal"}),
       .make = MakeUniPCMultistep});
}

}  // namespace weft
