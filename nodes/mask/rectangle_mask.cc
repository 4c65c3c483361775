// A mask that paints one rectangle: 1 inside, 0 outside.
#include <algorithm>

#include "nodes/image/codec.h"
#include "nodes/image/image.h"
#include "nodes/image/pixels.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<int64_t> kWidth{
    .name = "width", .doc = "of the mask, in pixels", .min = 1, .max = kLargestImageSide};
constexpr In<int64_t> kHeight{
    .name = "height", .doc = "of the mask, in pixels", .min = 1, .max = kLargestImageSide};
constexpr In<int64_t> kLeft{.name = "left", .doc = "the first painted column", .min = 0};
constexpr In<int64_t> kTop{.name = "top", .doc = "the first painted row", .min = 0};
constexpr In<int64_t> kRight{
    .name = "right", .doc = "the column after the last painted one", .min = 0};
constexpr In<int64_t> kBottom{
    .name = "bottom", .doc = "the row after the last painted one", .min = 0};
constexpr Out<Mask> kMask{.name = "mask", .doc = "[1, height, width, 1] f32"};

absl::Status Run(NodeContext& ctx) {
  const int64_t width = ctx.Get(kWidth), height = ctx.Get(kHeight);
  WEFT_RETURN_IF_ERROR(Annotate(CheckImageSize(width, height), "the mask"));
  const int64_t left = std::min(ctx.Get(kLeft), width), top = std::min(ctx.Get(kTop), height);
  const int64_t right = std::min(ctx.Get(kRight), width);
  const int64_t bottom = std::min(ctx.Get(kBottom), height);
  WEFT_ASSIGN_OR_RETURN(Tensor mask,
                        Blank(DType::kF32, Shape{1, height, width, 1}, 0.0f, ctx.allocator()));
  if (!mask.is_meta()) {
    for (int64_t y = top; y < bottom && left < right; ++y) {
      std::fill_n(mask.mutable_data<float>() + y * width + left, right - left, 1.0f);
    }
  }
  ctx.Set(kMask, std::move(mask));
  return absl::OkStatus();
}

}  // namespace

NodeType RectangleMaskNode() {
  return {.contract = {.type = "RectangleMask",
                       .doc = "A mask that paints one rectangle: 1 inside, 0 outside.",
                       .category = "mask",
                       .light = true,
                       .inputs = {kWidth, kHeight, kLeft, kTop, kRight, kBottom},
                       .outputs = {kMask}},
          .run = Run,
          .infer = nullptr};
}

}  // namespace weft
