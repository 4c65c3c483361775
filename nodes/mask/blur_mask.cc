// A mask with soft edges: a Gaussian blur, cut at four deviations.
#include "nodes/image/image.h"
#include "nodes/mask/mask_math.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Mask> kMask{.name = "mask", .doc = "the mask"};
constexpr In<double> kSigma{.name = "sigma",
                            .doc = "the deviation in pixels; 0 leaves the mask as it is",
                            .fallback = 4.0,
                            .min = 0,
                            .max = 256};
constexpr Out<Mask> kBlurred{.name = "mask", .doc = "the soft mask, same size"};

absl::Status Run(NodeContext& ctx) {
  WEFT_ASSIGN_OR_RETURN(Tensor blurred, BlurMask(ctx.Get(kMask), ctx.Get(kSigma), ctx.allocator()));
  ctx.Set(kBlurred, std::move(blurred));
  return absl::OkStatus();
}

}  // namespace

NodeType BlurMaskNode() {
  return {.contract = {.type = "BlurMask",
                       .doc = "A mask with soft edges: a Gaussian blur.",
                       .category = "mask",
                       .light = true,
                       .inputs = {kMask, kSigma},
                       .outputs = {kBlurred}},
          .run = Run,
          .infer = nullptr};
}

}  // namespace weft
