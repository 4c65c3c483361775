// The forward process: x = alpha · latent + sigma · noise, with alpha and sigma of a step.

#include <utility>

#include "nodes/latent/latent.h"
#include "nodes/sampling/scheduler.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Scheduler> kScheduler{.name = "scheduler", .doc = "The scheduler."};
constexpr In<Latent> kLatent{.name = "latent", .doc = "A clean latent."};
constexpr In<Latent> kNoise{.name = "noise", .doc = "Normally distributed noise."};
constexpr In<Step> kStep{.name = "step",
                         .doc =
                             "How much: as much as this step expects. Without one (the next of "
                             "the last step) the latent stays clean.",
                         .optional = true};
constexpr Out<Latent> kNoised{.name = "latent", .doc = "The latent with noise."};

absl::Status Run(NodeContext& ctx) {
  Tensor latent = ctx.Get(kLatent);
  if (!ctx.Has(kStep)) {
    ctx.Set(kNoised, std::move(latent));
    return absl::OkStatus();
  }
  const Step step = ctx.Get(kStep);
  if (step.index < 0) return ctx.PortError(kStep, "is not a step");
  const Tensor noise = ctx.Get(kNoise);
  if (!(noise.shape() == latent.shape())) {
    return ctx.PortError(kNoise, "is ", noise.shape().ToString(), ", but the latent is ",
                         latent.shape().ToString());
  }
  LatentMath math(ctx.allocator());
  Tensor noised = ctx.Get(kScheduler)->AddNoise(math, latent, noise, step);
  if (!math.status().ok()) return ctx.PortError(kStep, math.status().message());
  ctx.Set(kNoised, std::move(noised));
  return absl::OkStatus();
}

}  // namespace

NodeType AddNoiseNode() {
  return NodeType{Contract{.type = "AddNoise",
                           .doc = "A latent with the noise of a step: alpha latent + sigma noise.",
                           .category = "sampling",
                           .inputs = {kScheduler, kLatent, kNoise, kStep},
                           .outputs = {kNoised}},
                  Run};
}

}  // namespace weft
