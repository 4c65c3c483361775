// The latent that a run from pure noise starts with: x = init_noise_sigma · noise.

#include <utility>

#include "nodes/latent/latent.h"
#include "nodes/sampling/scheduler.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Scheduler> kScheduler{.name = "scheduler", .doc = "The scheduler."};
constexpr In<Latent> kNoise{.name = "noise", .doc = "Normally distributed noise."};
constexpr In<Step> kFirst{.name = "first",
                          .doc =
                              "The first step (Timesteps gives it); the scale of leading "
                              "timestep_spacing depends on it.",
                          .optional = true};
constexpr Out<Latent> kLatent{.name = "latent", .doc = "The latent to begin with."};

absl::Status Run(NodeContext& ctx) {
  const auto scheduler = ctx.Get(kScheduler);
  Step first;
  const bool known = ctx.Has(kFirst);
  if (known) first = ctx.Get(kFirst);
  if (known && first.index < 0) return ctx.PortError(kFirst, "is not a step");
  if (!known && scheduler->scale_needs_steps()) {
    ctx.Notice(
        "with timestep_spacing leading the noise's scale depends on the number of steps: "
        "wire \"first\" from Timesteps; the whole schedule's scale is used");
  }
  LatentMath math(ctx.allocator());
  Tensor latent = math.Sum({{scheduler->NoiseScale(known ? &first : nullptr), ctx.Get(kNoise)}});
  if (!math.status().ok()) return ctx.PortError(kNoise, math.status().message());
  ctx.Set(kLatent, std::move(latent));
  return absl::OkStatus();
}

}  // namespace

NodeType ScaleNoiseNode() {
  return NodeType{Contract{.type = "ScaleNoise",
                           .doc = "Noise at the level that the first step expects.",
                           .category = "sampling",
                           .inputs = {kScheduler, kNoise, kFirst},
                           .outputs = {kLatent}},
                  Run};
}

}  // namespace weft
