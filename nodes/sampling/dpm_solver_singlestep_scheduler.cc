// DPM-Solver and DPM-Solver++, singlestep (Lu et al. 2022, arXiv 2206.00927 and 2211.01095): steps
// come in groups of up to `solver_order`; each group starts from one latent, and its later steps
// do the way from there over again with more outputs. dpm_solver.h has the update.

#include <algorithm>

#include "nodes/sampling/dpm_solver.h"
#include "nodes/sampling/scheduler_node.h"

namespace weft {
namespace {

class DPMSolverSinglestepScheduler : public DpmSolver {
 public:
  using DpmSolver::DpmSolver;

  static absl::StatusOr<std::shared_ptr<const Scheduler>> Make(const SchedulerOptions& options) {
    WEFT_RETURN_IF_ERROR(CheckDpmOptions(options));
    return MakeSolverScheduler<DPMSolverSinglestepScheduler>(options);
  }

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const Solved solved = Solve(math, in);
    SchedulerState state = in.state;
    ++state.calls;
    std::vector<Tensor>& past = state.history;
    past.push_back(solved.value);
    KeepLatest(past, options().solver_order);
    const Tensor fresh = stochastic() ? DrawNoise(math, in) : Tensor();
    const int64_t order = std::min({OrderAt(in.schedule.num_inference_steps, in.index),
                                    static_cast<int64_t>(past.size()), in.index + 1});
    if (order == 1) state.sample = in.latent;
    Tensor latent = Next(math, in, order, state, fresh);
    return {std::move(latent), solved.clean, std::move(state)};
  }

 private:
  // The place of step `index` in its group: 1, 2, 3, 1, 2, 3 … . Where the groups do not divide
  // the steps, or the last one would lead to no noise at all, the last steps are of lower order.
  int64_t OrderAt(int64_t steps, int64_t index) const {
    const int64_t order = options().solver_order;
    const bool to_zero = options().final_sigmas_type == "zero";
    if (to_zero && index == steps - 1) return 1;
    const bool lower = options().lower_order_final || steps % order != 0 || to_zero;
    if (lower && steps % order == 0) {
      // The last group breaks up: 1, 2 becomes 1, 1 and 1, 2, 3 becomes 1, 2, 1.
      if (index == steps - 1) return 1;
    }
    return index % order + 1;
  }

  Tensor Next(LatentMath& math, const StepInput& in, int64_t order, const SchedulerState& state,
              const Tensor& fresh) const {
    const std::vector<Tensor>& past = state.history;
    const Point to = At(in.schedule, in.index + 1);
    const Point from = At(in.schedule, in.index + 1 - order);  // where the group began
    const Weights weights = WeightsFor(from, to, order == 3 || heun());
    const Tensor& m0 = past.back();
    if (order == 1) return Update(math, state.sample, weights, {{m0, {1.0, 0.0, 0.0}}}, fresh);
    const double h = to.lambda - from.lambda;
    if (h == 0.0) return Update(math, state.sample, weights, {}, Tensor());
    const double r0 = (At(in.schedule, in.index).lambda - from.lambda) / h;
    const Tensor& m1 = past[past.size() - 2];
    if (order == 2) {
      return Update(math, state.sample, weights,
                    {{m1, {1.0, -1.0 / r0, 0.0}}, {m0, {0.0, 1.0 / r0, 0.0}}}, fresh);
    }
    // Differences to the group's first output m2: near = (m1 - m2) / r1, far = (m0 - m2) / r0.
    // midpoint: D1 = far. heun: D1 = (r0 near - r1 far) / (r0 - r1), D2 = 2 (far - near)/(r0 - r1).
    const double r1 = (At(in.schedule, in.index - 1).lambda - from.lambda) / h;
    const Tensor& m2 = past[past.size() - 3];
    const double gap = r0 - r1;
    const double near1 = heun() ? r0 / gap : 0.0;
    const double far1 = heun() ? -r1 / gap : 1.0;
    const double far2 = heun() ? 2.0 / gap : 0.0;
    return Update(math, state.sample, weights,
                  {{m2, {1.0, -near1 / r1 - far1 / r0, far2 / r1 - far2 / r0}},
                   {m1, {0.0, near1 / r1, -far2 / r1}},
                   {m0, {0.0, far1 / r0, far2 / r0}}},
                  fresh);
  }
};

SchedulerOptions Defaults() {
  SchedulerOptions defaults;
  defaults.lower_order_final = false;
  return defaults;
}

}  // namespace

NodeType DPMSolverSinglestepSchedulerNode() {
  return SchedulerNode(
      {.type = "DPMSolverSinglestepScheduler",
       .doc = "DPM-Solver(++), singlestep, as an ODE or an SDE.",
       .defaults = Defaults(),
       .options = SolverOptions(
           {"solver_order",
            {"algorithm_type", {"dpmsolver", "dpmsolver++", "sde-dpmsolver++", "deis"}},
            "solver_type",
            "final_sigmas_type",
            "lambda_min_clipped",
            "variance_type"}),
       .make = DPMSolverSinglestepScheduler::Make});
}

}  // namespace weft
