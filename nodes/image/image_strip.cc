// Pictures side by side in one: a strip, or a contact sheet of several rows.
#include "nodes/image/image.h"
#include "nodes/image/pixels.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<ListOf<Image>> kImages{.name = "images",
                                    .doc = "what to show, in this order; batches one by one"};
constexpr In<int64_t> kColumns{
    .name = "columns", .doc = "pictures in a row; 0 puts all into one", .fallback = 0, .min = 0};
constexpr In<int64_t> kGap{
    .name = "gap", .doc = "white pixels between pictures", .fallback = 4, .min = 0, .max = 256};
constexpr Out<Image> kStrip{.name = "image", .doc = "all of them, [1, h, w, c], same type"};

absl::Status Run(NodeContext& ctx) {
  absl::StatusOr<Tensor> strip =
      ContactSheet(ctx.Get(kImages), ctx.Get(kColumns), ctx.Get(kGap), ctx.allocator());
  if (!strip.ok()) return ctx.PortError(kImages, strip.status().message());
  ctx.Set(kStrip, *std::move(strip));
  return absl::OkStatus();
}

}  // namespace

NodeType ImageStripNode() {
  return {.contract = {.type = "ImageStrip",
                       .doc = "Pictures side by side in one: a strip, or a sheet of several rows.",
                       .category = "image",
                       .light = true,
                       .inputs = {kImages, kColumns, kGap},
                       .outputs = {kStrip}},
          .run = Run,
          .infer = nullptr};
}

}  // namespace weft
