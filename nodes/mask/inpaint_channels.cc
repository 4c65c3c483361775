// The extra channels of a 9-channel inpainting UNet: the mask (0 or 1, at the latent's size), then
// the latent of the masked picture. For PredictNoise's "channels".

#include <algorithm>
#include <utility>

#include "nodes/image/image.h"
#include "nodes/latent/latent.h"
#include "nodes/mask/mask_math.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Mask> kMask{.name = "mask", .doc = "What is painted; sized to the latent."};
constexpr In<Latent> kLatent{.name = "latent",
                             .doc = "The masked picture (MaskImage), encoded (VaeEncode)."};
constexpr Out<Latent> kChannels{.name = "channels", .doc = "[b, 1 + c, h, w]: mask, then latent."};

absl::Status Run(NodeContext& ctx) {
  const Tensor latent = ctx.Get(kLatent);
  if (latent.rank() != 4 || latent.dtype() != DType::kF32) {
    return ctx.PortError(kLatent, "expected [b, c, h, w] f32, got ", latent.shape().ToString(), " ",
                         Name(latent.dtype()));
  }
  const int64_t batch = latent.dim(0);
  if (ctx.Get(kMask).rank() != 4 ||
      (ctx.Get(kMask).dim(0) != 1 && ctx.Get(kMask).dim(0) != batch)) {
    return ctx.PortError(kMask, "is ", ctx.Get(kMask).shape().ToString(),
                         ", which does not go with a latent of ", latent.shape().ToString());
  }
  WEFT_ASSIGN_OR_RETURN(const Tensor mask, ResizeMask(ctx.Get(kMask), latent.dim(2), latent.dim(3),
                                                      MaskResize::kNearest, ctx.allocator()));
  const Shape shape{batch, 1 + latent.dim(1), latent.dim(2), latent.dim(3)};
  WEFT_ASSIGN_OR_RETURN(Tensor channels, Tensor::Allocate(ctx.allocator(), DType::kF32, shape));
  if (!ctx.dry_run()) {
    const int64_t pixels = latent.dim(2) * latent.dim(3);
    const int64_t values = latent.dim(1) * pixels;
    float* out = channels.mutable_data<float>();
    for (int64_t b = 0; b < batch; ++b) {
      const float* painted = mask.data<float>() + b % mask.dim(0) * pixels;
      out = std::transform(painted, painted + pixels, out,
                           [](float m) { return m >= 0.5f ? 1.0f : 0.0f; });
      out = std::copy_n(latent.data<float>() + b * values, values, out);
    }
  }
  ctx.Set(kChannels, std::move(channels));
  return absl::OkStatus();
}

}  // namespace

NodeType InpaintChannelsNode() {
  return {Contract{.type = "InpaintChannels",
                   .doc = "Mask and masked picture as a 9-channel inpainting UNet takes them.",
                   .category = "mask",
                   .inputs = {kMask, kLatent},
                   .outputs = {kChannels}},
          Run};
}

}  // namespace weft
