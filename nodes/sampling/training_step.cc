// The step of one timestep of the training, for AddNoise: how noisy the x4 upscaler's small picture
// is made is such a timestep.

#include <utility>

#include "nodes/sampling/scheduler.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Scheduler> kScheduler{.name = "scheduler", .doc = "The scheduler."};
constexpr In<int64_t> kTimestep{
    .name = "timestep", .doc = "0: hardly any noise.", .min = 0, .max = 1 << 20};
constexpr Out<Step> kStep{.name = "step", .doc = "As noisy as the training had it there."};

absl::Status Run(NodeContext& ctx) {
  const auto scheduler = ctx.Get(kScheduler);
  const int64_t timestep = ctx.Get(kTimestep);
  const int64_t count = scheduler->num_train_timesteps();
  if (timestep >= count) {
    return ctx.PortError(kTimestep, timestep, " is not one of the training's 0..", count - 1);
  }
  WEFT_ASSIGN_OR_RETURN(const std::vector<Step> steps, scheduler->Steps(count, 1.0));
  for (const Step& step : steps) {
    if (step.timestep == static_cast<double>(timestep)) {
      ctx.Set(kStep, step);
      return absl::OkStatus();
    }
  }
  return ctx.PortError(kTimestep, "this scheduler has no step at ", timestep);
}

}  // namespace

NodeType TrainingStepNode() {
  return {Contract{.type = "TrainingStep",
                   .doc = "The step of one timestep of the training, for AddNoise.",
                   .category = "sampling",
                   .inputs = {kScheduler, kTimestep},
                   .outputs = {kStep}},
          Run};
}

}  // namespace weft
