// A window of a picture: image[top : top + height, left : left + width].
#include "nodes/image/image.h"
#include "nodes/image/pixels.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Image> kImage{.name = "image", .doc = "the picture; each of a batch"};
constexpr In<int64_t> kLeft{
    .name = "left", .doc = "the window's first column", .fallback = 0, .min = 0};
constexpr In<int64_t> kTop{.name = "top", .doc = "the window's first row", .fallback = 0, .min = 0};
constexpr In<int64_t> kWidth{
    .name = "width", .doc = "in pixels; 0 goes on to the edge", .fallback = 0, .min = 0};
constexpr In<int64_t> kHeight{
    .name = "height", .doc = "in pixels; 0 goes on to the edge", .fallback = 0, .min = 0};
constexpr Out<Image> kCropped{.name = "image", .doc = "the window, same type"};

absl::Status Run(NodeContext& ctx) {
  const Tensor image = ctx.Get(kImage);
  if (absl::Status bad = CheckImage(image); !bad.ok()) return ctx.PortError(kImage, bad.message());
  const int64_t left = ctx.Get(kLeft), top = ctx.Get(kTop);
  const int64_t width = ctx.Get(kWidth) != 0 ? ctx.Get(kWidth) : image.dim(2) - left;
  const int64_t height = ctx.Get(kHeight) != 0 ? ctx.Get(kHeight) : image.dim(1) - top;
  WEFT_ASSIGN_OR_RETURN(Tensor window, Crop(image, top, left, height, width, ctx.allocator()));
  ctx.Set(kCropped, std::move(window));
  return absl::OkStatus();
}

}  // namespace

NodeType CropImageNode() {
  return {.contract = {.type = "CropImage",
                       .doc = "A window of a picture.",
                       .category = "image",
                       .light = true,
                       .inputs = {kImage, kLeft, kTop, kWidth, kHeight},
                       .outputs = {kCropped}},
          .run = Run,
          .infer = nullptr};
}

}  // namespace weft
