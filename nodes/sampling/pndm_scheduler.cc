// Pseudo numerical methods (Liu et al. 2022, arXiv 2202.09778): a Runge-Kutta or linear multistep
// mean e of the outputs, then the transfer of eq. 11:
// x' = √(ā'/ā) x - (ā' - ā) e / (ā √(1-ā') + √(ā (1-ā) ā')).

#include <algorithm>
#include <cmath>

#include "nodes/sampling/adams_bashforth.h"
#include "nodes/sampling/alpha_scheduler.h"
#include "nodes/sampling/scheduler_node.h"

namespace weft {
namespace {

constexpr int64_t kWarmUp = 12;  // calls of the model for three Runge-Kutta steps

class PNDMScheduler : public AlphaScheduler {
 public:
  using AlphaScheduler::AlphaScheduler;

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const auto t = static_cast<int64_t>(in.schedule.timestep(in.index));
    StepResult result = !options().skip_prk_steps && in.state.calls < kWarmUp
                            ? RungeKutta(math, in, t)
                            : Multistep(math, in, t);
    result.original = CleanOf(math, prediction(), in.output, in.latent, MixAt(t));
    ++result.state.calls;
    return result;
  }

 protected:
  absl::StatusOr<Schedule> MakeSchedule(int64_t num_inference_steps) const override;

 private:
  int64_t Stride(const StepInput& in) const {
    return num_train_timesteps() / in.schedule.num_inference_steps;
  }

  // One of the four calls that make a Runge-Kutta step of fourth order.
  StepResult RungeKutta(LatentMath& math, const StepInput& in, int64_t t) const {
    StepResult result{.state = in.state};
    SchedulerState& state = result.state;
    const int64_t stage = state.calls % 4;
    Tensor mean = in.output;
    if (stage == 0) {
      state.partial = math.Sum({{1.0 / 6.0, in.output}});
      state.history.push_back(in.output);
      state.sample = in.latent;
    } else if (stage < 3) {
      state.partial = math.Sum({{1.0, state.partial}, {1.0 / 3.0, in.output}});
    } else {
      mean = math.Sum({{1.0, state.partial}, {1.0 / 6.0, in.output}});
    }
    const int64_t to = t - (stage % 2 == 0 ? Stride(in) / 2 : 0);
    const auto from = static_cast<int64_t>(in.schedule.timestep(state.calls - stage));
    result.latent = Transfer(math, state.sample, mean, from, to);
    return result;
  }

  // A step from the last four outputs; the first step of a run without Runge-Kutta takes two
  // calls, the second of which goes back and does it with the mean of both.
  StepResult Multistep(LatentMath& math, const StepInput& in, int64_t t) const {
    StepResult result{.state = in.state};
    SchedulerState& state = result.state;
    std::vector<Tensor>& past = state.history;
    const bool again = state.calls == 1;
    int64_t from = t;
    int64_t to = t - Stride(in);
    if (again) {
      to = t;
      from = t + Stride(in);
    } else {
      if (past.size() > 3) past.erase(past.begin(), past.end() - 3);
      past.push_back(in.output);
    }
    if (state.calls == 0) state.sample = in.latent;
    const Tensor& sample = again && !state.sample.empty() ? state.sample : in.latent;
    result.latent = Transfer(math, sample, Mean(math, in.output, past, again), from, to);
    return result;
  }

  // The second call of the first step has only the first one's output beside its own.
  static Tensor Mean(LatentMath& math, const Tensor& output, const std::vector<Tensor>& past,
                     bool again) {
    if (past.empty()) return output;
    if (again && past.size() == 1) return math.Sum({{0.5, output}, {0.5, past[0]}});
    return AdamsBashforthMean(math, past);
  }

  Tensor Transfer(LatentMath& math, const Tensor& sample, const Tensor& mean, int64_t t,
                  int64_t next) const {
    t = std::min(t, num_train_timesteps() - 1);
    const double from = alpha(t);
    const double to = AlphaOrFinal(next);
    const Tensor noise = NoiseOf(math, prediction(), mean, sample, MixAt(t));
    const double divisor = from * std::sqrt(1.0 - to) + std::sqrt(from * (1.0 - from) * to);
    return math.Sum({{std::sqrt(to / from), sample}, {-(to - from) / divisor, noise}});
  }
};

absl::StatusOr<Schedule> PNDMScheduler::MakeSchedule(int64_t num_inference_steps) const {
  const std::vector<double> down = SpacedTimesteps({.kind = options().timestep_spacing,
                                                    .train = num_train_timesteps(),
                                                    .last = num_train_timesteps(),
                                                    .count = num_inference_steps,
                                                    .offset = options().steps_offset});
  std::vector<double> calls;
  if (options().skip_prk_steps) {
    // The second timestep twice: the first step is done over.
    calls = down;
    if (down.size() > 1) calls.insert(calls.begin() + 1, down[1]);
    return ScheduleOf(std::move(calls));
  }
  if (down.size() < 4) {
    return absl::InvalidArgumentError(
        absl::StrCat("PNDMScheduler needs at least 4 steps for its Runge-Kutta start, not ",
                     num_inference_steps, "; set skip_prk_steps"));
  }
  // Three steps of four calls: at the timestep, twice half way, at the next one.
  const auto half = static_cast<double>(num_train_timesteps() / num_inference_steps / 2);
  for (size_t i = 0; i < 3; ++i) {
    calls.insert(calls.end(), {down[i], down[i + 1] + half, down[i + 1] + half, down[i + 1]});
  }
  calls.insert(calls.end(), down.begin() + 3, down.end());
  return ScheduleOf(std::move(calls));
}

SchedulerOptions Defaults() {
  SchedulerOptions defaults;
  defaults.set_alpha_to_one = false;
  defaults.timestep_spacing = "leading";
  return defaults;
}

}  // namespace

NodeType PNDMSchedulerNode() {
  return SchedulerNode(
      {.type = "PNDMScheduler",
       .doc = "PNDM: fourth-order steps from the last four outputs, after a Runge-Kutta start.",
       .defaults = Defaults(),
       .options = {"num_train_timesteps", "beta_start", "beta_end", "beta_schedule",
                   "trained_betas", "skip_prk_steps", "set_alpha_to_one", "prediction_type",
                   "timestep_spacing", "steps_offset"},
       .make = MakeAlphaScheduler<PNDMScheduler>});
}

}  // namespace weft
