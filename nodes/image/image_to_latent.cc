// A picture itself as a latent, 2·x - 1, without an autoencoder: for networks that work on pixels.

#include <utility>

#include "nodes/image/image.h"
#include "nodes/image/pixel_planes.h"
#include "nodes/latent/latent.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Image> kIn{.name = "image", .doc = "The picture."};
constexpr Out<Latent> kOut{.name = "latent", .doc = "[b, c, h, w] f32 in -1..1."};

absl::Status Run(NodeContext& ctx) {
  absl::StatusOr<Tensor> result = PlanesOfImage(ctx.Get(kIn), ctx.allocator());
  if (!result.ok()) return ctx.PortError(kIn, result.status().message());
  ctx.Set(kOut, *std::move(result));
  return absl::OkStatus();
}

}  // namespace

NodeType ImageToLatentNode() {
  return {Contract{.type = "ImageToLatent",
                   .doc = "A picture itself as a latent in -1..1, without an autoencoder: for "
                          "networks that work on pixels.",
                   .category = "image",
                   .inputs = {kIn},
                   .outputs = {kOut}},
          Run};
}

}  // namespace weft
