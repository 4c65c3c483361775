#include "nodes/sampling/dpm_multistep.h"

#include <utility>

namespace weft {

StepResult DpmMultistep::Advance(LatentMath& math, const StepInput& in) const {
  const Solved solved = Solve(math, in);
  SchedulerState state = in.state;
  ++state.calls;
  std::vector<Tensor>& past = state.history;
  past.push_back(solved.value);
  KeepLatest(past, options().solver_order);
  const Tensor fresh = stochastic() ? DrawNoise(math, in) : Tensor();
  Tensor latent = Next(math, in, past, fresh);
  return {std::move(latent), solved.clean, std::move(state)};
}

Tensor DpmMultistep::Next(LatentMath& math, const StepInput& in, const std::vector<Tensor>& past,
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

}  // namespace weft
