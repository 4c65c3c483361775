// What the network takes for the noise in a latent: noise = denoiser(latent | channels, timestep).
#include "nodes/latent/latent.h"
#include "nodes/models/part_ops.h"
#include "nodes/sampling/denoiser.h"
#include "nodes/sampling/step.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Denoiser> kDenoiser{.name = "denoiser", .doc = "From Guidance."};
constexpr In<Latent> kLatent{.name = "latent", .doc = "Noisy, scaled by ScaleInput."};
constexpr In<Step> kStep{.name = "step", .doc = "Where in the schedule it is."};
constexpr In<Latent> kChannels{.name = "channels",
                               .doc =
                                   "More channels beside the latent's, unscaled: mask and "
                                   "masked picture of an inpainting network.",
                               .optional = true};
constexpr In<double> kScale{.name = "guidance_scale",
                            .doc = "For this step alone, in place of the scale in the denoiser.",
                            .min = 0,
                            .max = 1000,
                            .optional = true};
constexpr Out<Latent> kNoise{.name = "noise",
                             .doc =
                                 "The network's answer: noise, velocity or sample, as the "
                                 "scheduler's prediction_type says."};

absl::Status CheckPicture(const NodeContext& ctx, const In<Latent>& port) {
  const Tensor x = ctx.Get(port);
  if (x.rank() == 4 && x.numel() > 0 && x.dtype() == DType::kF32) return absl::OkStatus();
  return ctx.PortError(port, "expected [batch, channels, height, width] f32, got ",
                       x.shape().ToString(), " ", Name(x.dtype()));
}

absl::Status CheckChannels(const NodeContext& ctx, const Denoiser& denoiser) {
  const Tensor latent = ctx.Get(kLatent);
  const int64_t wanted = denoiser.in_channels();
  if (!ctx.Has(kChannels)) {
    if (latent.dim(1) == wanted) return absl::OkStatus();
    return ctx.PortError(kLatent, "it has ", latent.dim(1), " channels, the UNet's in_channels is ",
                         wanted, latent.dim(1) < wanted ? "; wire the others to \"channels\"" : "");
  }
  WEFT_RETURN_IF_ERROR(CheckPicture(ctx, kChannels));
  const Tensor channels = ctx.Get(kChannels);
  if (latent.dim(1) + channels.dim(1) != wanted) {
    return ctx.PortError(kChannels, latent.dim(1), " channels of the latent and ", channels.dim(1),
                         " of these are ", latent.dim(1) + channels.dim(1),
                         ", the UNet's in_channels is ", wanted);
  }
  if (channels.dim(2) != latent.dim(2) || channels.dim(3) != latent.dim(3) ||
      latent.dim(0) % channels.dim(0) != 0) {
    return ctx.PortError(kChannels, "its shape ", channels.shape().ToString(),
                         " does not go with the latent's ", latent.shape().ToString());
  }
  return absl::OkStatus();
}

absl::Status Run(NodeContext& ctx) {
  const std::shared_ptr<const Denoiser> denoiser = ctx.Get(kDenoiser);
  WEFT_RETURN_IF_ERROR(CheckPicture(ctx, kLatent));
  WEFT_RETURN_IF_ERROR(CheckChannels(ctx, *denoiser));
  const Step step = ctx.Get(kStep);
  Denoiser::Question question{.latent = ctx.Take(kLatent),
                              .timestep = step.timestep,
                              .inference_step = step.inference_step,
                              .num_inference_steps = step.num_inference_steps};
  if (ctx.Has(kChannels)) question.channels = ctx.Take(kChannels);
  if (ctx.Has(kScale)) question.guidance_scale = ctx.Get(kScale);
  Ops ops = OpsFor(ctx, *denoiser);
  WEFT_ASSIGN_OR_RETURN(Tensor noise, denoiser->Predict(ops, question));
  ctx.Set(kNoise, std::move(noise));
  return absl::OkStatus();
}

}  // namespace

NodeType PredictNoiseNode() {
  return {Contract{.type = "PredictNoise",
                   .doc = "What the network takes for the noise in a latent: noise = "
                          "denoiser(latent | channels, timestep).",
                   .category = "sampling",
                   .inputs = {kDenoiser, kLatent, kStep, kChannels, kScale},
                   .outputs = {kNoise}},
          Run};
}

}  // namespace weft
