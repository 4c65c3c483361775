// The further channel of a depth UNet: how near or far each part of the picture is, at the latent's
// size and stretched to -1..1, as StableDiffusionDepth2ImgPipeline makes it. For PredictNoise's
// "channels".

#include <utility>

#include "nodes/image/image.h"
#include "nodes/image/interpolate.h"
#include "nodes/image/pixels.h"
#include "nodes/latent/latent.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Image> kDepth{.name = "depth",
                           .doc =
                               "A depth map, near is bright (as MiDaS and DPT give it). Of one "
                               "channel, or the mean of three; f32 in any range."};
constexpr In<Latent> kLike{.name = "latent", .doc = "The latent whose size to take."};
constexpr Out<Latent> kChannels{.name = "channels", .doc = "[b, 1, h, w] in -1..1."};

absl::Status Run(NodeContext& ctx) {
  const Tensor depth = ctx.Get(kDepth);
  if (absl::Status status = CheckImage(depth); !status.ok()) {
    return ctx.PortError(kDepth, status.message());
  }
  const Tensor latent = ctx.Get(kLike);
  if (latent.rank() != 4 || latent.numel() == 0) {
    return ctx.PortError(kLike, "expected [b, c, h, w], got ", latent.shape().ToString());
  }
  const int64_t channels = std::min<int64_t>(depth.dim(3), 3);  // a fourth is transparency
  WEFT_ASSIGN_OR_RETURN(
      Tensor planes,
      Tensor::Allocate(ctx.allocator(), DType::kF32, {depth.dim(0), depth.dim(1), depth.dim(2)}));
  if (!ctx.dry_run()) {
    WEFT_ASSIGN_OR_RETURN(const Tensor values, ToUnitF32(depth, ctx.allocator()));
    float* to = planes.mutable_data<float>();
    for (int64_t i = 0; i < planes.numel(); ++i) {
      const float* pixel = values.data<float>() + i * depth.dim(3);
      float sum = 0;
      for (int64_t c = 0; c < channels; ++c) sum += pixel[c];
      to[i] = sum / static_cast<float>(channels);
    }
  }
  WEFT_ASSIGN_OR_RETURN(planes,
                        InterpolateBicubic(planes, latent.dim(2), latent.dim(3), ctx.allocator()));
  WEFT_ASSIGN_OR_RETURN(planes, StretchToRange(planes, ctx.allocator()));
  WEFT_ASSIGN_OR_RETURN(planes, planes.Reshape({depth.dim(0), 1, latent.dim(2), latent.dim(3)}));
  ctx.Set(kChannels, std::move(planes));
  return absl::OkStatus();
}

}  // namespace

NodeType DepthChannelsNode() {
  return {Contract{.type = "DepthChannels",
                   .doc = "A depth map as a depth UNet takes it: at the latent's size, stretched "
                          "to -1..1.",
                   .category = "image",
                   .inputs = {kDepth, kLike},
                   .outputs = {kChannels}},
          Run};
}

}  // namespace weft
