// Binds a UNet to what it is to draw:
//   noise = negative + guidance_scale · Σ weight · (positive - negative)
// over the entries of positive that hold in a step; of several negative ones the weighted mean.
// The interval of steps is that of Kynkäänniemi et al. 2024.
#include "nodes/sampling/guidance.h"

#include "nodes/models/part_ops.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Unet> kUnet{.name = "unet", .doc = "The network."};
constexpr In<Conditioning> kPositive{.name = "positive", .doc = "What to draw."};
constexpr In<Conditioning> kNegative{.name = "negative",
                                     .doc =
                                         "What to keep away from: the unconditional pass. "
                                         "Without it there is one pass, and no guidance.",
                                     .optional = true};
constexpr In<double> kScale{.name = "guidance_scale",
                            .doc =
                                "How hard to push from negative to positive; 1 and less: not "
                                "at all, in half the time.",
                            .fallback = 7.5,
                            .min = 0,
                            .max = 1000};
constexpr In<double> kRescale{.name = "guidance_rescale",
                              .doc =
                                  "How far the contrast that guidance adds is taken back, to that "
                                  "of the positive pass: against washed-out pictures of networks "
                                  "trained with zero terminal SNR (0.7 there).",
                              .fallback = 0.0,
                              .min = 0,
                              .max = 1};
constexpr In<double> kStart{.name = "guidance_start",
                            .doc =
                                "The share of the steps that is done when guidance begins; before, "
                                "there is the positive pass alone, in half the time.",
                            .fallback = 0.0,
                            .min = 0,
                            .max = 1};
constexpr In<double> kStop{.name = "guidance_stop",
                           .doc = "The share of the steps that is done when guidance ends.",
                           .fallback = 1.0,
                           .min = 0,
                           .max = 1};
constexpr Out<Denoiser> kDenoiser{.name = "denoiser", .doc = "For PredictNoise."};

absl::Status Run(NodeContext& ctx) {
  const std::shared_ptr<const Unet> unet = ctx.Get(kUnet);
  const UnetConfig& config = unet->network().config();
  const GuidanceOptions options = {
      .scale = ctx.Get(kScale),
      .rescale = ctx.Get(kRescale),
      .steps = {.first_share = ctx.Get(kStart), .last_share = ctx.Get(kStop)}};
  if (options.steps.first_share >= options.steps.last_share) {
    return ctx.PortError(kStop, options.steps.last_share, " does not lie behind guidance_start, ",
                         options.steps.first_share);
  }
  WEFT_RETURN_IF_ERROR(CheckConditioning(ctx, kPositive, config));
  const std::shared_ptr<const Conditioning> positive = ctx.Get(kPositive);
  std::shared_ptr<const Conditioning> negative;
  if (ctx.Has(kNegative)) {
    WEFT_RETURN_IF_ERROR(CheckConditioning(ctx, kNegative, config));
    negative = ctx.Get(kNegative);
  }
  Ops ops = OpsFor(ctx, *unet);
  WEFT_ASSIGN_OR_RETURN(std::shared_ptr<const GuidedUnet> guided,
                        GuidedUnet::Make(ops, unet, *positive, negative.get(), options));
  ctx.Set(kDenoiser, std::move(guided));
  return absl::OkStatus();
}

}  // namespace

NodeType GuidanceNode() {
  return {Contract{.type = "Guidance",
                   .doc = "Binds a UNet to what it is to draw: noise = negative + guidance_scale "
                          "· Σ weight · (positive - negative), over the entries that hold in a "
                          "step. Computes the texts' keys and values once.",
                   .category = "sampling",
                   .inputs = {kUnet, kPositive, kNegative, kScale, kRescale, kStart, kStop},
                   .outputs = {kDenoiser}},
          Run};
}

}  // namespace weft
