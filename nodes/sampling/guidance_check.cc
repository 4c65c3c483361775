#include "nodes/sampling/guidance.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

absl::Status CheckEntry(const NodeContext& ctx, const In<Conditioning>& port,
                        const UnetConfig& config, const Conditioning::Entry& entry) {
  const Tensor& tokens = entry.tokens;
  if (tokens.rank() != 3 || tokens.numel() == 0 || tokens.dtype() != DType::kF32) {
    return ctx.PortError(port, "expected hidden states [batch, tokens, width] f32, got ",
                         tokens.shape().ToString(), " ", Name(tokens.dtype()));
  }
  if (tokens.dim(2) != config.context_width) {
    return ctx.PortError(port, "one of its texts is ", tokens.dim(2), " wide, the first ",
                         config.context_width);
  }
  if (config.takes_class() && !entry.class_label.has_value()) {
    return ctx.PortError(port,
                         "this UNet embeds a class (an x4 upscaler's noise_level); the "
                         "conditioning has none: ClassConditioning gives it one");
  }
  if (config.class_count > 0 && *entry.class_label >= config.class_count) {
    return ctx.PortError(port, "its class_label is ", *entry.class_label, ", the UNet knows 0..",
                         config.class_count - 1);
  }
  if (config.size_width == 0) return absl::OkStatus();
  const Tensor& pooled = entry.pooled;
  const auto sizes = static_cast<int64_t>(entry.sizes.size());
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

}  // namespace

absl::Status CheckConditioning(const NodeContext& ctx, const In<Conditioning>& port,
                               const UnetConfig& config) {
  WEFT_RETURN_IF_ERROR(
      ctx.Expect(port, "width", config.context_width, "the UNet's cross_attention_dim"));
  if (ctx.Get(port)->entries().empty()) return ctx.PortError(port, "has no entries");
  for (const Conditioning::Entry& entry : ctx.Get(port)->entries()) {
    WEFT_RETURN_IF_ERROR(CheckEntry(ctx, port, config, entry));
  }
  return absl::OkStatus();
}

}  // namespace weft
