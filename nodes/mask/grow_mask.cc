// A mask that reaches some pixels further, or less far: the maximum (minimum) over a square.
#include "nodes/image/image.h"
#include "nodes/mask/mask_math.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Mask> kMask{.name = "mask", .doc = "the mask"};
constexpr In<int64_t> kPixels{.name = "pixels",
                              .doc = "how far it grows to each side; negative shrinks it",
                              .fallback = 8,
                              .min = -512,
                              .max = 512};
constexpr Out<Mask> kGrown{.name = "mask", .doc = "the grown mask, same size"};

absl::Status Run(NodeContext& ctx) {
  WEFT_ASSIGN_OR_RETURN(Tensor grown, GrowMask(ctx.Get(kMask), ctx.Get(kPixels), ctx.allocator()));
  ctx.Set(kGrown, std::move(grown));
  return absl::OkStatus();
}

}  // namespace

NodeType GrowMaskNode() {
  return {.contract = {.type = "GrowMask",
                       .doc = "A mask that reaches some pixels further, or less far: the maximum "
                              "(minimum) over a square.",
                       .category = "mask",
                       .light = true,
                       .inputs = {kMask, kPixels},
                       .outputs = {kGrown}},
          .run = Run,
          .infer = nullptr};
}

}  // namespace weft
