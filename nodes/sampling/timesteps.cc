// The steps of a run, from the noisiest to the cleanest; with strength < 1 only the last ones, for
// a run that starts from a picture; with denoising_start and denoising_end those of one network of
// two that share a run.

#include <utility>

#include "nodes/sampling/scheduler.h"
#include "nodes/sampling/steps_between.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Scheduler> kScheduler{.name = "scheduler", .doc = "The scheduler."};
constexpr In<int64_t> kSteps{
    .name = "num_inference_steps", .doc = "Steps of a full run.", .fallback = 20, .min = 1};
constexpr In<double> kStrength{.name = "strength",
                               .doc = "The share of the steps that is taken, counted from the end.",
                               .fallback = 1.0,
                               .min = 0,
                               .max = 1};
constexpr In<double> kStart{.name = "denoising_start",
                            .doc =
                                "The share of the way from noise to picture that is done already: "
                                "what the base model's denoising_end was.",
                            .fallback = 0.0,
                            .min = 0,
                            .max = 1};
constexpr In<double> kEnd{.name = "denoising_end",
                          .doc =
                              "The share of the way at which to stop, and leave the rest to a "
                              "refiner.",
                          .fallback = 1.0,
                          .min = 0,
                          .max = 1};
constexpr Out<ListOf<Step>> kList{.name = "steps", .doc = "One for each call of the model."};
constexpr Out<Step> kFirst{.name = "first", .doc = "The first of them."};
constexpr Out<SchedulerState> kState{.name = "state",
                                     .doc = "What SchedulerStep carries from step to step."};

absl::Status Run(NodeContext& ctx) {
  const auto scheduler = ctx.Get(kScheduler);
  const int64_t count = ctx.Get(kSteps);
  const absl::StatusOr<std::shared_ptr<const Schedule>> schedule = scheduler->ScheduleFor(count);
  if (!schedule.ok()) return ctx.PortError(kSteps, schedule.status().message());
  absl::StatusOr<std::vector<Step>> steps = scheduler->Steps(count, ctx.Get(kStrength));
  if (!steps.ok()) return ctx.PortError(kStrength, steps.status().message());
  const double start = ctx.Get(kStart);
  const double end = ctx.Get(kEnd);
  if (start > 0.0 && ctx.Get(kStrength) < 1.0) {
    return ctx.PortError(kStart, "says where to begin, and so does \"strength\" (",
                         ctx.Get(kStrength), "): leave one of them out");
  }
  if (start >= end) {
    return ctx.PortError(kEnd, end, " does not lie behind denoising_start, ", start);
  }
  *steps = StepsBetween(*steps, start, end, scheduler->num_train_timesteps(),
                        scheduler->calls_per_step());
  if (steps->empty()) {
    return ctx.PortError(start > 0.0 ? kStart : kEnd, "none of the ", count,
                         " steps lies between denoising_start ", start, " and denoising_end ", end);
  }
  SchedulerState state;
  state.num_inference_steps = count;
  ctx.Set(kFirst, steps->front());
  ctx.Set(kList, *std::move(steps));
  ctx.Set(kState, std::move(state));
  return absl::OkStatus();
}

}  // namespace

NodeType TimestepsNode() {
  return NodeType{Contract{.type = "Timesteps",
                           .doc = "The steps that a scheduler takes from noise to a picture.",
                           .category = "sampling",
                           .inputs = {kScheduler, kSteps, kStrength, kStart, kEnd},
                           .outputs = {kList, kFirst, kState}},
                  Run};
}

}  // namespace weft
