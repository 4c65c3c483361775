// A picture as a mask: its brightness or one channel, or 1 where that is above a threshold.
#include <array>

#include "nodes/image/image.h"
#include "nodes/mask/mask_math.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Image> kImage{.name = "image", .doc = "the picture; white is painted"};
constexpr absl::string_view kChannels[] = {"luma", "red", "green", "blue", "alpha"};
constexpr In<Text> kChannel{.name = "channel",
                            .doc = "what is looked at; luma is 0.299 R + 0.587 G + 0.114 B",
                            .fallback = "luma",
                            .choices = kChannels};
constexpr In<double> kThreshold{.name = "threshold",
                                .doc = "1 above it, 0 up to it; -1 keeps the grey values",
                                .fallback = 0.5,
                                .min = -1,
                                .max = 1};
constexpr Out<Mask> kMask{.name = "mask", .doc = "[b, h, w, 1] f32"};

absl::Status Run(NodeContext& ctx) {
  int64_t channel = -1;
  const std::string name = ctx.Get(kChannel);
  for (int64_t i = 1; i < 5; ++i) {
    if (name == kChannels[i]) channel = i - 1;
  }
  absl::StatusOr<Tensor> mask =
      MaskFromImage(ctx.Get(kImage), channel, ctx.Get(kThreshold), ctx.allocator());
  if (!mask.ok()) return ctx.PortError(kImage, mask.status().message());
  ctx.Set(kMask, *std::move(mask));
  return absl::OkStatus();
}

}  // namespace

NodeType ImageToMaskNode() {
  return {.contract = {.type = "ImageToMask",
                       .doc = "A picture as a mask: 1 where its brightness, or one channel, is "
                              "above a threshold.",
                       .category = "mask",
                       .light = true,
                       .inputs = {kImage, kChannel, kThreshold},
                       .outputs = {kMask}},
          .run = Run,
          .infer = nullptr};
}

}  // namespace weft
