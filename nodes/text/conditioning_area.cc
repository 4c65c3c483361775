// The part of the picture that a conditioning holds for: weight · mask at each place.
#include <utility>
#include <vector>

#include "nodes/image/image.h"
#include "nodes/text/conditioning.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Conditioning> kFrom{.name = "conditioning", .doc = "What to draw."};
constexpr In<Mask> kMask{.name = "mask",
                         .doc =
                             "Where, from RectangleMask or a picture; any size. Soft edges blend; "
                             "where several areas overlap, they share the place."};
constexpr Out<Conditioning> kConditioning{.name = "conditioning",
                                          .doc = "The same, for this area alone."};

absl::Status Run(NodeContext& ctx) {
  const Tensor mask = ctx.Get(kMask);
  if (mask.rank() != 4 || mask.dim(0) != 1 || mask.dim(3) != 1 || mask.numel() == 0 ||
      mask.dtype() != DType::kF32) {
    return ctx.PortError(kMask, "expected one mask [1, h, w, 1] f32, got ", mask.shape().ToString(),
                         " ", Name(mask.dtype()));
  }
  std::vector<Conditioning::Entry> entries = ctx.Get(kFrom)->entries();
  for (Conditioning::Entry& entry : entries) {
    if (!entry.area.empty()) return ctx.PortError(kFrom, "has an area already");
    entry.area = mask;
  }
  ctx.Set(kConditioning, std::make_shared<const Conditioning>(std::move(entries)));
  return absl::OkStatus();
}

}  // namespace

NodeType ConditioningAreaNode() {
  return {Contract{.type = "ConditioningArea",
                   .doc = "A conditioning that holds for the masked part of the picture alone.",
                   .category = "text",
                   .inputs = {kFrom, kMask},
                   .outputs = {kConditioning}},
          Run};
}

}  // namespace weft
