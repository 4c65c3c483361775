#include "nodes/sampling/scheduler.h"

#include <algorithm>
#include <utility>

#include "runtime/base/status_macros.h"

namespace weft {
namespace {

int64_t IntOf(const Record& record, const char* field) {
  const auto it = record.find(field);
  const int64_t* x = it != record.end() ? it->second.AsInt() : nullptr;
  return x != nullptr ? *x : 0;
}

Tensor TensorOf(const Record& record, const char* field) {
  const auto it = record.find(field);
  const Tensor* x = it != record.end() ? it->second.AsTensor() : nullptr;
  return x != nullptr ? *x : Tensor();
}

}  // namespace

SchedulerState SchedulerState::From(const Record& record) {
  constexpr int64_t kMostCalls = int64_t{1} << 40;
  SchedulerState state;
  state.calls = IntOf(record, "calls");
  state.order = IntOf(record, "order");
  if (state.calls < 0 || state.calls > kMostCalls || state.order < 0) return SchedulerState();
  state.num_inference_steps = IntOf(record, "num_inference_steps");
  if (record.contains("seed")) state.seed = IntOf(record, "seed");
  const auto history = record.find("history");
  if (history != record.end() && history->second.AsList() != nullptr) {
    for (const Value& item : *history->second.AsList()) {
      if (item.AsTensor() != nullptr) state.history.push_back(*item.AsTensor());
    }
  }
  state.sample = TensorOf(record, "sample");
  state.partial = TensorOf(record, "partial");
  return state;
}

Record SchedulerState::To() const {
  List past;
  for (const Tensor& tensor : history) past.emplace_back(tensor);
  return {{"num_inference_steps", Value(num_inference_steps)},
          {"calls", Value(calls)},
          {"order", Value(order)},
          {"seed", Value(seed)},
          {"history", Value(std::move(past))},
          {"sample", sample.empty() ? Value() : Value(sample)},
          {"partial", partial.empty() ? Value() : Value(partial)}};
}

void KeepLatest(std::vector<Tensor>& history, int64_t count) {
  const int64_t surplus = std::ssize(history) - std::max<int64_t>(count, 0);
  if (surplus > 0) history.erase(history.begin(), history.begin() + surplus);
}

Tensor DrawNoise(LatentMath& math, const StepInput& in) {
  if (in.rng == nullptr) {
    math.Fail(Invalid("this scheduler adds noise at each step; wire a generator"));
    return Tensor();
  }
  return math.Normal(*in.rng, in.latent);
}

absl::StatusOr<std::shared_ptr<const Schedule>> Scheduler::ScheduleFor(
    int64_t num_inference_steps) const {
  absl::MutexLock lock(&mutex_);
  if (last_ != nullptr && last_->num_inference_steps == num_inference_steps) return last_;
  if (num_inference_steps < 1 || num_inference_steps > num_train_timesteps()) {
    return Invalid("\"num_inference_steps\" is ", num_inference_steps,
                   "; the scheduler takes 1 to ", num_train_timesteps(),
                   " (its num_train_timesteps)");
  }
  WEFT_ASSIGN_OR_RETURN(Schedule schedule, MakeSchedule(num_inference_steps));
  schedule.num_inference_steps = num_inference_steps;
  last_ = std::make_shared<const Schedule>(std::move(schedule));
  return last_;
}

absl::StatusOr<std::vector<Step>> Scheduler::Steps(int64_t num_inference_steps,
                                                   double strength) const {
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const Schedule> schedule,
                        ScheduleFor(num_inference_steps));
  if (!(strength >= 0.0 && strength <= 1.0)) {
    return Invalid("\"strength\" is ", strength, "; it must lie in 0..1");
  }
  const auto kept = static_cast<int64_t>(static_cast<double>(num_inference_steps) * strength);
  const int64_t first = (num_inference_steps - kept) * calls_per_step();
  if (kept == 0 || first >= schedule->size()) {
    return Invalid("\"strength\" ", strength, " of ", num_inference_steps,
                   " steps leaves none; it must be at least ",
                   1.0 / static_cast<double>(num_inference_steps));
  }
  std::vector<Step> steps(static_cast<size_t>(schedule->size() - first));
  for (int64_t i = schedule->size() - 1; i >= first; --i) {
    Step& step = steps[static_cast<size_t>(i - first)];
    step.index = i;
    step.timestep = schedule->timestep(i);
    step.sigma = schedule->sigma(i);
    // Some schedulers call the network twice in a step.
    step.inference_step = i * num_inference_steps / schedule->size();
    step.num_inference_steps = num_inference_steps;
    step.model_sigma = schedule->model_sigma(i);
    if (i + 1 == schedule->size()) continue;
    auto next = std::make_shared<Step>(steps[static_cast<size_t>(i + 1 - first)]);
    next->next = nullptr;
    step.next = std::move(next);
  }
  return steps;
}

}  // namespace weft
