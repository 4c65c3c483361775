#ifndef WEFT_NODES_SAMPLING_DPM_SOLVER_H_
#define WEFT_NODES_SAMPLING_DPM_SOLVER_H_

#include <vector>

#include "nodes/sampling/solver_scheduler.h"

namespace weft {

// What the multistep and the singlestep DPM-Solver share (Lu et al. 2022, arXiv 2206.00927 and
// 2211.01095): one exponential-integrator update in lambda.
class DpmSolver : public SolverScheduler {
 public:
  DpmSolver(SchedulerOptions options, NoiseSchedule noise);

 protected:
  // The update x' = latent·x + Σ derivatives[k]·D_k + noise·z, where D_0 is the solved-for
  // quantity (clean latent or noise) and D_k its k-th derivative in lambda, in units of the step.
  struct Weights {
    double latent = 1.0;
    double derivatives[3] = {0.0, 0.0, 0.0};
    double noise = 0.0;
  };
  // `taylor`: the derivatives' weights are those of the Taylor expansion (heun), else D_1's is
  // half of D_0's (midpoint).
  Weights WeightsFor(const Point& from, const Point& to, bool taylor) const;

  // The solved-for quantity that the output implies, and the clean latent.
  struct Solved {
    Tensor value;
    Tensor clean;
  };
  virtual Solved Solve(LatentMath& math, const StepInput& in) const;

  // x' from `sample`, the past values of the solved-for quantity (`past`, each with its factor in
  // D_0, D_1, D_2 by column) and noise where the algorithm adds some.
  struct Past {
    const Tensor& value;
    double in_derivatives[3];
  };
  static Tensor Update(LatentMath& math, const Tensor& sample, const Weights& weights,
                       const std::vector<Past>& past, const Tensor& fresh);

  bool solves_clean() const { return solves_clean_; }
  bool stochastic() const { return stochastic_; }
  bool heun() const { return options().solver_type == "heun"; }

 private:
  bool solves_clean_;
  bool stochastic_;
};

// Checks what the two have in common, and that this solver has the order.
absl::Status CheckDpmOptions(const SchedulerOptions& options);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_DPM_SOLVER_H_
