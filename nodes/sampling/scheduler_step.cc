// One step from noise towards a picture: the latent of the next step from this one's and from what
// the model says of it. The formula is the scheduler's.

#include <memory>
#include <optional>
#include <utility>

#include "nodes/latent/latent.h"
#include "nodes/sampling/generator.h"
#include "nodes/sampling/scheduler.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Scheduler> kScheduler{.name = "scheduler", .doc = "The scheduler."};
constexpr In<Latent> kNoise{.name = "noise", .doc = "The model's output (PredictNoise)."};
constexpr In<Latent> kLatent{.name = "latent", .doc = "The latent of this step, not scaled."};
constexpr In<Step> kStep{.name = "step", .doc = "The step."};
constexpr In<SchedulerState> kState{.name = "state", .doc = "From Timesteps or the step before."};
constexpr In<Generator> kGenerator{
    .name = "generator", .doc = "For schedulers that add noise at each step.", .optional = true};
constexpr Out<Latent> kNext{.name = "latent", .doc = "The latent of the next step."};
constexpr Out<Latent> kOriginal{.name = "original", .doc = "The predicted clean latent."};
constexpr Out<SchedulerState> kNextState{.name = "state", .doc = "For the next step."};
constexpr Out<Generator> kNextGenerator{.name = "generator", .doc = "After this step's draws."};

absl::Status Run(NodeContext& ctx) {
  const auto scheduler = ctx.Get(kScheduler);
  const Tensor output = ctx.Get(kNoise);
  const Tensor latent = ctx.Get(kLatent);
  const Step step = ctx.Get(kStep);
  SchedulerState state = ctx.Get(kState);
  if (latent.rank() != 4 || latent.dtype() != DType::kF32) {
    return ctx.PortError(kLatent, "expects [b, c, h, w] f32, not ", latent.shape().ToString(), " ",
                         Name(latent.dtype()));
  }
  const Shape with_variance({latent.dim(0), 2 * latent.dim(1), latent.dim(2), latent.dim(3)});
  if (!(output.shape() == latent.shape() || output.shape() == with_variance)) {
    return ctx.PortError(kNoise, "is ", output.shape().ToString(), ", but the latent is ",
                         latent.shape().ToString());
  }
  if (state.num_inference_steps == 0) {
    return ctx.PortError(kState, "is not the state of a run; Timesteps gives the first one");
  }
  const absl::StatusOr<std::shared_ptr<const Schedule>> schedule =
      scheduler->ScheduleFor(state.num_inference_steps);
  if (!schedule.ok()) return ctx.PortError(kState, schedule.status().message());
  const Schedule& steps = **schedule;
  if (step.index < 0 || step.index >= steps.size() || steps.timestep(step.index) != step.timestep) {
    return ctx.PortError(kStep, "step ", step.index, " at timestep ", step.timestep,
                         " is not one of this scheduler's run of ", state.num_inference_steps);
  }
  // Where a loop has gone back, there were not as many steps before this one.
  KeepLatest(state.history, step.index);
  std::optional<Rng> rng;
  if (ctx.Has(kGenerator)) rng = ctx.Get(kGenerator)->rng();

  LatentMath math(ctx.allocator());
  StepResult result = scheduler->Advance(
      math, {steps, step.index, output, latent, state, rng.has_value() ? &*rng : nullptr});
  if (!math.status().ok()) return math.status();
  ctx.Set(kNext, std::move(result.latent));
  ctx.Set(kOriginal, std::move(result.original));
  ctx.Set(kNextState, std::move(result.state));
  if (rng.has_value()) ctx.Set(kNextGenerator, std::make_shared<Generator>(*rng));
  return absl::OkStatus();
}

}  // namespace

NodeType SchedulerStepNode() {
  return NodeType{Contract{.type = "SchedulerStep",
                           .doc = "One step of a scheduler towards the picture.",
                           .category = "sampling",
                           .inputs = {kScheduler, kNoise, kLatent, kStep, kState, kGenerator},
                           .outputs = {kNext, kOriginal, kNextState, kNextGenerator}},
                  Run};
}

}  // namespace weft
