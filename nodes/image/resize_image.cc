// A picture at another size, as PIL's Image.resize draws it; shrinking averages.
#include "nodes/image/codec.h"
#include "nodes/image/image.h"
#include "nodes/image/pixels.h"
#include "nodes/image/resample.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Image> kImage{.name = "image", .doc = "the picture; each of a batch"};
constexpr In<int64_t> kWidth{.name = "width",
                             .doc = "in pixels; 0 keeps the proportions",
                             .fallback = 0,
                             .min = 0,
                             .max = kLargestImageSide};
constexpr In<int64_t> kHeight{.name = "height",
                              .doc = "in pixels; 0 keeps the proportions",
                              .fallback = 0,
                              .min = 0,
                              .max = kLargestImageSide};
constexpr absl::string_view kMethods[] = {"nearest", "box", "bilinear", "bicubic", "lanczos"};
constexpr In<Text> kMethod{.name = "method",
                           .doc = "the filter, by its name in PIL",
                           .fallback = "lanczos",
                           .choices = kMethods};
constexpr Out<Image> kResized{.name = "image", .doc = "the picture at its new size, same type"};

// n · of / by to the nearest whole number, at least 1.
int64_t Proportion(int64_t n, int64_t of, int64_t by) {
  return std::max<int64_t>(1, (2 * n * of + by) / (2 * by));
}

absl::Status Run(NodeContext& ctx) {
  const Tensor image = ctx.Get(kImage);
  if (absl::Status bad = CheckImage(image); !bad.ok()) return ctx.PortError(kImage, bad.message());
  int64_t width = ctx.Get(kWidth), height = ctx.Get(kHeight);
  if (width == 0 && height == 0) return ctx.PortError(kWidth, "width and height are both 0");
  if (width == 0) width = Proportion(height, image.dim(2), image.dim(1));
  if (height == 0) height = Proportion(width, image.dim(1), image.dim(2));
  WEFT_RETURN_IF_ERROR(CheckImageSize(width, height));
  WEFT_ASSIGN_OR_RETURN(
      Tensor resized,
      Resample(image, height, width, FilterFromName(ctx.Get(kMethod)), ctx.allocator()));
  ctx.Set(kResized, std::move(resized));
  return absl::OkStatus();
}

}  // namespace

NodeType ResizeImageNode() {
  return {.contract = {.type = "ResizeImage",
                       .doc = "A picture at another size, as PIL's Image.resize draws it.",
                       .category = "image",
                       .light = true,
                       .inputs = {kImage, kWidth, kHeight, kMethod},
                       .outputs = {kResized}},
          .run = Run,
          .infer = nullptr};
}

}  // namespace weft
