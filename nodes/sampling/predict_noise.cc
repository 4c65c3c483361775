// What the network takes for the noise in a latent: noise = denoiser(latent | channels, timestep).
#include "nodes/sampling/predict_noise.h"

#include "nodes/models/part_ops.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

absl::Status CheckPicture(const NodeContext& ctx, const In<Latent>& port) {
  const Tensor x = ctx.Get(port);
  if (x.rank() == 4 && x.numel() > 0 && x.dtype() == DType::kF32) return absl::OkStatus();
  return ctx.PortError(port, "expected [batch, channels, height, width] f32, got ",
                       x.shape().ToString(), " ", Name(x.dtype()));
}

absl::Status CheckChannels(const NodeContext& ctx, const Denoiser& denoiser) {
  const Tensor latent = ctx.Get(kAskedLatent);
  const int64_t wanted = denoiser.in_channels();
  if (!ctx.Has(kAskedChannels)) {
    if (latent.dim(1) == wanted) return absl::OkStatus();
    return ctx.PortError(kAskedLatent, "it has ", latent.dim(1),
                         " channels, the UNet's in_channels is ", wanted,
                         latent.dim(1) < wanted ? "; wire the others to \"channels\"" : "");
  }
  WEFT_RETURN_IF_ERROR(CheckPicture(ctx, kAskedChannels));
  const Tensor channels = ctx.Get(kAskedChannels);
  if (latent.dim(1) + channels.dim(1) != wanted) {
    return ctx.PortError(kAskedChannels, latent.dim(1), " channels of the latent and ",
                         channels.dim(1), " of these are ", latent.dim(1) + channels.dim(1),
                         ", the UNet's in_channels is ", wanted);
  }
  if (channels.dim(2) != latent.dim(2) || channels.dim(3) != latent.dim(3) ||
      latent.dim(0) % channels.dim(0) != 0) {
    return ctx.PortError(kAskedChannels, "its shape ", channels.shape().ToString(),
                         " does not go with the latent's ", latent.shape().ToString());
  }
  return absl::OkStatus();
}

absl::Status Run(NodeContext& ctx) {
  const std::shared_ptr<const Denoiser> denoiser = ctx.Get(kAskedDenoiser);
  WEFT_ASSIGN_OR_RETURN(const Denoiser::Question question, QuestionOf(ctx, *denoiser));
  Ops ops = OpsFor(ctx, *denoiser);
  WEFT_ASSIGN_OR_RETURN(Tensor noise, denoiser->Predict(ops, question));
  ctx.Set(kAnsweredNoise, std::move(noise));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Denoiser::Question> QuestionOf(NodeContext& ctx, const Denoiser& denoiser) {
  WEFT_RETURN_IF_ERROR(CheckPicture(ctx, kAskedLatent));
  WEFT_RETURN_IF_ERROR(CheckChannels(ctx, denoiser));
  const Step step = ctx.Get(kAskedStep);
  Denoiser::Question question{.latent = ctx.Take(kAskedLatent),
                              .timestep = step.timestep,
                              .inference_step = step.inference_step,
                              .num_inference_steps = step.num_inference_steps};
  if (ctx.Has(kAskedChannels)) question.channels = ctx.Take(kAskedChannels);
  if (ctx.Has(kAskedScale)) question.guidance_scale = ctx.Get(kAskedScale);
  return question;
}

NodeType PredictNoiseNode() {
  return {
      Contract{.type = "PredictNoise",
               .doc = "What the network takes for the noise in a latent: noise = "
                      "denoiser(latent | channels, timestep).",
               .category = "sampling",
               .inputs = {kAskedDenoiser, kAskedLatent, kAskedStep, kAskedChannels, kAskedScale},
               .outputs = {kAnsweredNoise}},
      Run};
}

}  // namespace weft
