// A picture with grey margins, and the mask that paints them: 1 on the margins, 0 on the picture.
#include "nodes/image/codec.h"
#include "nodes/image/image.h"
#include "nodes/image/pixels.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Image> kImage{.name = "image", .doc = "the picture; each of a batch"};
constexpr In<int64_t> kLeft{
    .name = "left", .doc = "pixels to add", .fallback = 0, .min = 0, .max = kLargestImageSide};
constexpr In<int64_t> kTop{
    .name = "top", .doc = "pixels to add", .fallback = 0, .min = 0, .max = kLargestImageSide};
constexpr In<int64_t> kRight{
    .name = "right", .doc = "pixels to add", .fallback = 0, .min = 0, .max = kLargestImageSide};
constexpr In<int64_t> kBottom{
    .name = "bottom", .doc = "pixels to add", .fallback = 0, .min = 0, .max = kLargestImageSide};
constexpr Out<Image> kPadded{.name = "image", .doc = "the picture within its margins, same type"};
constexpr Out<Mask> kMask{.name = "mask", .doc = "[1, h, w, 1]: 1 on the margins"};

absl::Status Run(NodeContext& ctx) {
  const Tensor image = ctx.Get(kImage);
  if (absl::Status bad = CheckImage(image); !bad.ok()) return ctx.PortError(kImage, bad.message());
  const int64_t left = ctx.Get(kLeft), top = ctx.Get(kTop);
  const int64_t height = top + image.dim(1) + ctx.Get(kBottom);
  const int64_t width = left + image.dim(2) + ctx.Get(kRight);
  WEFT_RETURN_IF_ERROR(Annotate(CheckImageSize(width, height), "the padded picture"));
  constexpr float kGrey = 0.5f;
  WEFT_ASSIGN_OR_RETURN(
      Tensor padded, Blank(image.dtype(), Shape{image.dim(0), height, width, image.dim(3)}, kGrey,
                           ctx.allocator()));
  WEFT_ASSIGN_OR_RETURN(Tensor mask,
                        Blank(DType::kF32, Shape{1, height, width, 1}, 1.0f, ctx.allocator()));
  if (!padded.is_meta()) {
    for (int64_t b = 0; b < image.dim(0); ++b) Paste(image, b, padded, b, top, left);
    WEFT_ASSIGN_OR_RETURN(
        const Tensor kept,
        Blank(DType::kF32, Shape{1, image.dim(1), image.dim(2), 1}, 0.0f, ctx.allocator()));
    Paste(kept, 0, mask, 0, top, left);
  }
  ctx.Set(kPadded, std::move(padded));
  ctx.Set(kMask, std::move(mask));
  return absl::OkStatus();
}

}  // namespace

NodeType PadForOutpaintNode() {
  return {.contract = {.type = "PadForOutpaint",
                       .doc = "A picture with grey margins, and the mask that paints them.",
                       .category = "image",
                       .light = true,
                       .inputs = {kImage, kLeft, kTop, kRight, kBottom},
                       .outputs = {kPadded, kMask}},
          .run = Run,
          .infer = nullptr};
}

}  // namespace weft
