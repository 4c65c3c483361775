// DPM-Solver and DPM-Solver++, multistep (Lu et al. 2022, arXiv 2206.00927 and 2211.01095): the
// derivatives in lambda are differences of the outputs of past steps. dpm_solver.h has the update.

#include <algorithm>

#include "nodes/sampling/dpm_solver.h"
#include "nodes/sampling/scheduler_node.h"

namespace weft {
namespace {

constexpr int64_t kShort = 15;  // fewer steps than this are a short run

class DPMSolverMultistepScheduler : public DpmSolver {
 public:
  using DpmSolver::DpmSolver;

  static absl::StatusOr<std::shared_ptr<const Scheduler>> Make(const SchedulerOptions& options) {
    WEFT_RETURN_IF_ERROR(CheckDpmOptions(options));
    return MakeSolverScheduler<DPMSolverMultistepScheduler>(options);
  }

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const Solved solved = Solve(math, in);
    SchedulerState state = in.state;
    ++state.calls;
    std::vector<Tensor>& past = state.history;
    past.push_back(solved.value);
    if (static_cast<int64_t>(past.size()) > options().solver_order) past.erase(past.begin());
    const Tensor fresh = stochastic() ? Draw(math, in) : Tensor();
    Tensor latent = Next(math, in, past, fresh);
    return {std::move(latent), solved.clean, std::move(state)};
  }

 protected:
  bool rounds_karras() const override { return options().beta_schedule != "squaredcos_cap_v2"; }

 private:
  // The order of a step: that of the solver as far as there are past outputs, lower at the end.
  int64_t OrderOf(const StepInput& in, size_t outputs) const {
    const int64_t left = in.schedule.size() - in.index;
    const bool eases = options().lower_order_final && in.schedule.size() < kShort;
    const bool euler = options().euler_at_final || eases || options().final_sigmas_type == "zero";
    int64_t order = std::min({options().solver_order, static_cast<int64_t>(outputs), in.index + 1});
    if (left == 1 && euler) order = 1;
    if (left == 2 && eases) order = std::min<int64_t>(order, 2);
    return order;
  }

  Tensor Next(LatentMath& math, const StepInput& in, const std::vector<Tensor>& past,
              const Tensor& fresh) const {
    const int64_t order = OrderOf(in, past.size());
    const Point to = At(in.schedule, in.index + 1);
    const Point from = At(in.schedule, in.index);
    const Weights weights = WeightsFor(from, to, order == 3 || heun());
    const Tensor& m0 = past.back();
    if (order == 1) return Update(math, in.latent, weights, {{m0, {1.0, 0.0, 0.0}}}, fresh);
    const double h = to.lambda - from.lambda;
    const double r0 = (from.lambda - At(in.schedule, in.index - 1).lambda) / h;
    const Tensor& m1 = past[past.size() - 2];
    if (h == 0.0) return Update(math, in.latent, weights, {}, Tensor());
    if (order == 2) {
      return Update(math, in.latent, weights,
                    {{m0, {1.0, 1.0 / r0, 0.0}}, {m1, {0.0, -1.0 / r0, 0.0}}}, fresh);
    }
    // Divided differences: first = (m0 - m1) / r0, second = (m1 - m2) / r1,
    // D1 = first + r0/(r0 + r1) (first - second), D2 = (first - second) / (r0 + r1).
    const double r1 =
        (At(in.schedule, in.index - 1).lambda - At(in.schedule, in.index - 2).lambda) / h;
    const double sum = r0 + r1;
    const double first = 1.0 + r0 / sum;
    const double second = -r0 / sum;
    const Tensor& m2 = past[past.size() - 3];
    return Update(math, in.latent, weights,
                  {{m0, {1.0, first / r0, 1.0 / (sum * r0)}},
                   {m1, {0.0, -first / r0 + second / r1, -1.0 / (sum * r0) - 1.0 / (sum * r1)}},
                   {m2, {0.0, -second / r1, 1.0 / (sum * r1)}}},
                  fresh);
  }
};

}  // namespace

NodeType DPMSolverMultistepSchedulerNode() {
  return SchedulerNode(
      {.type = "DPMSolverMultistepScheduler",
       .doc = "DPM-Solver(++), multistep, as an ODE or an SDE.",
       .options = {"num_train_timesteps",
                   "beta_start",
                   "beta_end",
                   "beta_schedule",
                   "trained_betas",
                   "solver_order",
                   {"prediction_type", {"epsilon", "v_prediction", "sample", "flow_prediction"}},
                   "thresholding",
                   "dynamic_thresholding_ratio",
                   "sample_max_value",
                   "algorithm_type",
                   "solver_type",
                   "lower_order_final",
                   "euler_at_final",
                   "use_karras_sigmas",
                   "use_exponential_sigmas",
                   "use_beta_sigmas",
                   "use_lu_lambdas",
                   "use_flow_sigmas",
                   "flow_shift",
                   "final_sigmas_type",
                   "lambda_min_clipped",
                   "variance_type",
                   "timestep_spacing",
                   "steps_offset",
                   "rescale_betas_zero_snr"},
       .make = DPMSolverMultistepScheduler::Make});
}

}  // namespace weft
