// A mask as a grey picture, to look at it or save it: white is painted.
#include "nodes/image/image.h"
#include "nodes/image/pixels.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Mask> kMask{.name = "mask", .doc = "the mask"};
constexpr Out<Image> kImage{.name = "image", .doc = "[b, h, w, 1] u8"};

absl::Status Run(NodeContext& ctx) {
  const Tensor mask = ctx.Get(kMask);
  if (absl::Status bad = CheckMask(mask); !bad.ok()) return ctx.PortError(kMask, bad.message());
  WEFT_ASSIGN_OR_RETURN(Tensor image, ToU8(mask, ctx.allocator()));
  ctx.Set(kImage, std::move(image));
  return absl::OkStatus();
}

}  // namespace

NodeType MaskToImageNode() {
  return {.contract = {.type = "MaskToImage",
                       .doc = "A mask as a grey picture: white is painted.",
                       .category = "mask",
                       .light = true,
                       .inputs = {kMask},
                       .outputs = {kImage}},
          .run = Run,
          .infer = nullptr};
}

}  // namespace weft
