// The background where the mask is 0, the foreground where it is 1:
//   blended = background · (1 - mask) + foreground · mask
#include "nodes/image/image.h"
#include "nodes/mask/mask_math.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Any> kBackground{.name = "background",
                              .doc = "latents [b, c, h, w] or pictures [b, h, w, c]"};
constexpr In<Any> kForeground{.name = "foreground", .doc = "the same kind and size"};
constexpr In<Mask> kMask{.name = "mask", .doc = "resized to them; 1 shows the foreground"};
constexpr absl::string_view kMethods[] = {"nearest", "area", "bilinear"};
constexpr In<Text> kResize{.name = "resize",
                           .doc =
                               "how the mask is resized: nearest as diffusers does, area by "
                               "the share that is painted, bilinear softly",
                           .fallback = "nearest",
                           .choices = kMethods};
constexpr absl::string_view kLayouts[] = {"auto", "latent", "image"};
constexpr In<Text> kLayout{.name = "layout",
                           .doc = "what is blended; auto goes by type, channels and proportions",
                           .fallback = "auto",
                           .choices = kLayouts};
constexpr Out<Any> kBlended{.name = "blended", .doc = "the same kind as what came in"};

absl::Status Run(NodeContext& ctx) {
  const Value background = ctx.Get(kBackground), foreground = ctx.Get(kForeground);
  if (background.AsTensor() == nullptr) {
    return ctx.PortError(kBackground, "expects latents or pictures, but gets ", background.kind());
  }
  if (foreground.AsTensor() == nullptr) {
    return ctx.PortError(kForeground, "expects latents or pictures, but gets ", foreground.kind());
  }
  const std::string layout = ctx.Get(kLayout);
  WEFT_ASSIGN_OR_RETURN(Tensor blended,
                        BlendByMask(*background.AsTensor(), *foreground.AsTensor(), ctx.Get(kMask),
                                    layout == "image"    ? Layout::kImage
                                    : layout == "latent" ? Layout::kLatent
                                                         : Layout::kAuto,
                                    MaskResizeFromName(ctx.Get(kResize)), ctx.allocator()));
  ctx.Set(kBlended, Value(std::move(blended)));
  return absl::OkStatus();
}

}  // namespace

NodeType MaskBlendNode() {
  return {.contract = {.type = "MaskBlend",
                       .doc = "The background where the mask is 0, the foreground where it is 1: "
                              "background · (1 - mask) + foreground · mask.",
                       .category = "mask",
                       .inputs = {kBackground, kForeground, kMask, kResize, kLayout},
                       .outputs = {kBlended}},
          .run = Run,
          .infer = nullptr};
}

}  // namespace weft
