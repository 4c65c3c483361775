// Binds a UNet to what it is to draw:
//   noise = unconditional + guidance_scale · (conditional - unconditional)
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
constexpr Out<Denoiser> kDenoiser{.name = "denoiser", .doc = "For PredictNoise."};

absl::Status CheckConditioning(const NodeContext& ctx, const In<Conditioning>& port,
                               const UnetConfig& config) {
  WEFT_RETURN_IF_ERROR(
      ctx.Expect(port, "width", config.context_width, "the UNet's cross_attention_dim"));
  const std::vector<Conditioning::Entry>& entries = ctx.Get(port)->entries();
  if (entries.size() != 1) {
    return ctx.PortError(port, "expected a conditioning of one entry, got ", entries.size());
  }
  const Tensor& tokens = entries[0].tokens;
  if (tokens.rank() != 3 || tokens.numel() == 0 || tokens.dtype() != DType::kF32) {
    return ctx.PortError(port, "expected hidden states [batch, tokens, width] f32, got ",
                         tokens.shape().ToString(), " ", Name(tokens.dtype()));
  }
  if (config.takes_class() && !entries[0].class_label.has_value()) {
    return ctx.PortError(port,
                         "this UNet embeds a class (an x4 upscaler's noise_level); the "
                         "conditioning has none: ClassConditioning gives it one");
  }
  if (config.class_count > 0 && *entries[0].class_label >= config.class_count) {
    return ctx.PortError(port, "its class_label is ", *entries[0].class_label,
                         ", the UNet knows 0..", config.class_count - 1);
  }
  if (config.size_width == 0) return absl::OkStatus();
  const Tensor& pooled = entries[0].pooled;
  const auto sizes = static_cast<int64_t>(entries[0].sizes.size());
  const int64_t width = pooled.rank() == 2 ? pooled.dim(1) : 0;
  if (width + sizes * config.size_width != config.pooled_and_sizes_width || pooled.empty() ||
      pooled.dim(0) != tokens.dim(0)) {
    return ctx.PortError(port, "this UNet embeds pooled text and sizes, ",
                         config.pooled_and_sizes_width, " wide together; the conditioning has ",
                         sizes, " sizes (", config.size_width, " each) and pooled text ", width,
                         " wide",
                         sizes == 0 ? "; SizeConditioning gives it sizes"
                                    : " (a base model takes 6 sizes, a refiner 5 with the "
                                      "aesthetic_score)");
  }
  return absl::OkStatus();
}

absl::Status Run(NodeContext& ctx) {
  const std::shared_ptr<const Unet> unet = ctx.Get(kUnet);
  const UnetConfig& config = unet->network().config();
  const double scale = ctx.Get(kScale);
  WEFT_RETURN_IF_ERROR(CheckConditioning(ctx, kPositive, config));
  const std::shared_ptr<const Conditioning> positive = ctx.Get(kPositive);
  std::shared_ptr<const Conditioning> negative;
  if (ctx.Has(kNegative)) {
    WEFT_RETURN_IF_ERROR(CheckConditioning(ctx, kNegative, config));
    negative = ctx.Get(kNegative);
  }
  Ops ops = OpsFor(ctx, *unet);
  WEFT_ASSIGN_OR_RETURN(std::shared_ptr<const GuidedUnet> guided,
                        GuidedUnet::Make(ops, unet, *positive, negative.get(), scale));
  ctx.Set(kDenoiser, std::move(guided));
  return absl::OkStatus();
}

}  // namespace

NodeType GuidanceNode() {
  return {Contract{.type = "Guidance",
                   .doc = "Binds a UNet to what it is to draw: noise = negative + guidance_scale "
                          "· (positive - negative). Computes the texts' keys and values once.",
                   .category = "sampling",
                   .inputs = {kUnet, kPositive, kNegative, kScale},
                   .outputs = {kDenoiser}},
          Run};
}

}  // namespace weft
