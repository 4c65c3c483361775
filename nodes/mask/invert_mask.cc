// A mask that paints what another keeps: 1 - mask.
#include "nodes/image/image.h"
#include "nodes/mask/mask_math.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Mask> kMask{.name = "mask", .doc = "the mask"};
constexpr Out<Mask> kInverted{.name = "mask", .doc = "1 - mask"};

absl::Status Run(NodeContext& ctx) {
  WEFT_ASSIGN_OR_RETURN(Tensor inverted, InvertMask(ctx.Get(kMask), ctx.allocator()));
  ctx.Set(kInverted, std::move(inverted));
  return absl::OkStatus();
}

}  // namespace

NodeType InvertMaskNode() {
  return {.contract = {.type = "InvertMask",
                       .doc = "A mask that paints what another keeps: 1 - mask.",
                       .category = "mask",
                       .light = true,
                       .inputs = {kMask},
                       .outputs = {kInverted}},
          .run = Run,
          .infer = nullptr};
}

}  // namespace weft
