// The latent as the model wants to see it: for schedulers that keep latents as clean + sigma·noise
// x / √(sigma² + 1), else x itself.

#include <utility>

#include "nodes/latent/latent.h"
#include "nodes/sampling/scheduler.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Scheduler> kScheduler{.name = "scheduler", .doc = "The scheduler."};
constexpr In<Latent> kLatent{.name = "latent", .doc = "The latent of the run."};
constexpr In<Step> kStep{.name = "step", .doc = "The step that is about to be taken."};
constexpr Out<Latent> kScaled{.name = "latent", .doc = "The model's input."};

absl::Status Run(NodeContext& ctx) {
  const Step step = ctx.Get(kStep);
  if (step.index < 0) return ctx.PortError(kStep, "is not a step");
  LatentMath math(ctx.allocator());
  Tensor scaled = ctx.Get(kScheduler)->ScaleInput(math, ctx.Get(kLatent), step);
  if (!math.status().ok()) return ctx.PortError(kLatent, math.status().message());
  ctx.Set(kScaled, std::move(scaled));
  return absl::OkStatus();
}

}  // namespace

NodeType ScaleInputNode() {
  return NodeType{Contract{.type = "ScaleInput",
                           .doc = "The latent scaled for the model.",
                           .category = "sampling",
                           .inputs = {kScheduler, kLatent, kStep},
                           .outputs = {kScaled}},
                  Run};
}

}  // namespace weft
