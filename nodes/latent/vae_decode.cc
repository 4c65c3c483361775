// A latent as a picture: image = decode(latent / scaling_factor + shift_factor) / 2 + 1/2.
#include <utility>

#include "nodes/image/image.h"
#include "nodes/latent/latent.h"
#include "nodes/latent/pixel_range.h"
#include "nodes/models/part_ops.h"
#include "nodes/models/parts.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr In<Vae> kVae{.name = "vae", .doc = "The autoencoder."};
constexpr In<Latent> kLatent{.name = "latent", .doc = "Scaled as the UNet sees it."};
constexpr Out<Image> kImage{.name = "image", .doc = "f32 in 0..1, cut off at both ends."};

absl::Status Run(NodeContext& ctx) {
  const std::shared_ptr<const Vae> vae = ctx.Get(kVae);
  const VaeNetwork& network = vae->network();
  const VaeConfig& config = network.config();
  const Tensor given = ctx.Get(kLatent);
  if (given.rank() != 4 || given.numel() == 0 || given.dtype() != DType::kF32) {
    return ctx.PortError(kLatent, "expected [batch, channels, height, width] f32, got ",
                         given.shape().ToString(), " ", Name(given.dtype()));
  }
  WEFT_RETURN_IF_ERROR(
      ctx.Expect(kLatent, "channels", config.latent_channels, "the VAE's latent_channels"));

  Ops ops = OpsFor(ctx, *vae);
  const Tensor latent = network.Unscaled(ops, ops.OnDevice(given));
  Tensor image = ToImageRange(ops, network.Decode(ops, latent));
  WEFT_ASSIGN_OR_RETURN(image, ops.Finish(std::move(image)));  // [b, h·scale, w·scale, c]
  ctx.Set(kImage, std::move(image));
  return absl::OkStatus();
}

}  // namespace

NodeType VaeDecodeNode() {
  return {Contract{.type = "VaeDecode",
                   .doc = "A latent as a picture: decode(latent / scaling_factor + shift_factor) "
                          "/ 2 + 1/2.",
                   .category = "latent",
                   .inputs = {kVae, kLatent},
                   .outputs = {kImage}},
          Run};
}

}  // namespace weft
