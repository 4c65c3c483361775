// A latent that is a picture itself (ImageToLatent) as a picture: x/2 + 1/2.

#include <utility>

#include "nodes/image/image.h"
#include "nodes/image/pixel_planes.h"
#include "nodes/latent/latent.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Latent> kIn{.name = "latent", .doc = "Of a network that works on pixels."};
constexpr Out<Image> kOut{.name = "image", .doc = "f32 in 0..1, cut off at both ends."};

absl::Status Run(NodeContext& ctx) {
  absl::StatusOr<Tensor> result = ImageOfPlanes(ctx.Get(kIn), ctx.allocator());
  if (!result.ok()) return ctx.PortError(kIn, result.status().message());
  ctx.Set(kOut, *std::move(result));
  return absl::OkStatus();
}

}  // namespace

NodeType LatentToImageNode() {
  return {Contract{.type = "LatentToImage",
                   .doc = "A latent that is a picture itself, in -1..1, as a picture: what "
                          "ImageToLatent makes, back.",
                   .category = "image",
                   .inputs = {kIn},
                   .outputs = {kOut}},
          Run};
}

}  // namespace weft
