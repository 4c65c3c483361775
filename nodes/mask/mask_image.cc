// A picture whose painted part is gray, as inpainting models are shown it: 1/2 where mask ≥ 1/2.
// StableDiffusionInpaintPipeline's masked_image, which is 0 there in -1..1.

#include <algorithm>
#include <utility>

#include "nodes/image/image.h"
#include "nodes/mask/mask_math.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Image> kImage{.name = "image", .doc = "The picture to hide a part of."};
constexpr In<Mask> kMask{.name = "mask", .doc = "What to hide; sized to the picture."};
constexpr Out<Image> kMasked{.name = "image", .doc = "f32, gray where it is hidden."};

absl::Status Run(NodeContext& ctx) {
  const Tensor image = ctx.Get(kImage);
  if (image.rank() != 4 || (image.dtype() != DType::kU8 && image.dtype() != DType::kF32)) {
    return ctx.PortError(kImage, "expected [batch, height, width, channels] u8 or f32, got ",
                         image.shape().ToString(), " ", Name(image.dtype()));
  }
  if (ctx.Get(kMask).rank() != 4 ||
      (ctx.Get(kMask).dim(0) != 1 && ctx.Get(kMask).dim(0) != image.dim(0))) {
    return ctx.PortError(kMask, "is ", ctx.Get(kMask).shape().ToString(),
                         ", which does not go with a picture of ", image.shape().ToString());
  }
  WEFT_ASSIGN_OR_RETURN(const Tensor mask, ResizeMask(ctx.Get(kMask), image.dim(1), image.dim(2),
                                                      MaskResize::kNearest, ctx.allocator()));
  WEFT_ASSIGN_OR_RETURN(Tensor masked,
                        Tensor::Allocate(ctx.allocator(), DType::kF32, image.shape()));
  if (!ctx.dry_run()) {
    ConvertElements(image.raw(), image.dtype(), masked.mutable_data<float>(), DType::kF32,
                    image.numel());
    const float white = image.dtype() == DType::kU8 ? 255.0f : 1.0f;
    const float* hidden = mask.data<float>();
    float* out = masked.mutable_data<float>();
    const int64_t channels = image.dim(3);
    for (int64_t i = 0; i < image.numel(); ++i) {
      out[i] = hidden[i / channels % mask.numel()] >= 0.5f ? 0.5f : out[i] / white;
    }
  }
  ctx.Set(kMasked, std::move(masked));
  return absl::OkStatus();
}

}  // namespace

NodeType MaskImageNode() {
  return {Contract{.type = "MaskImage",
                   .doc = "A picture whose painted part is gray, as inpainting models see it.",
                   .category = "mask",
                   .inputs = {kImage, kMask},
                   .outputs = {kMasked}},
          Run};
}

}  // namespace weft
