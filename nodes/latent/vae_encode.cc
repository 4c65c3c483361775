// A picture as a latent: latent = (encode(2·image - 1) - shift_factor) · scaling_factor.
#include <algorithm>
#include <optional>
#include <utility>

#include "nodes/image/image.h"
#include "nodes/latent/latent.h"
#include "nodes/latent/pixel_range.h"
#include "nodes/models/part_ops.h"
#include "nodes/models/parts.h"
#include "nodes/sampling/generator.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr In<Vae> kVae{.name = "vae", .doc = "The autoencoder."};
constexpr In<Image> kImage{.name = "image",
                           .doc = "Sides that are multiples of the autoencoder's scale."};
constexpr In<Generator> kGenerator{.name = "generator",
                                   .doc =
                                       "Draws from the encoder's distribution (AutoencoderTiny "
                                       "has none); without it its mean is the latent.",
                                   .optional = true};
constexpr In<bool> kScaled{.name = "scaled",
                           .doc =
                               "Scaled as latents that are denoised are; false: as the encoder "
                               "gives it, which pix2pix UNets take for their further channels.",
                           .fallback = true};
constexpr Out<Latent> kLatent{.name = "latent", .doc = "The picture's latent."};
constexpr Out<Generator> kAdvanced{.name = "generator", .doc = "After the draw."};

absl::Status CheckImage(const NodeContext& ctx, const VaeConfig& config) {
  const Tensor image = ctx.Get(kImage);
  if (image.rank() != 4 || image.numel() == 0 || image.dim(3) != config.in_channels ||
      (image.dtype() != DType::kU8 && image.dtype() != DType::kF32)) {
    return ctx.PortError(kImage, "expected [batch, height, width, ", config.in_channels,
                         "] u8 or f32, got ", image.shape().ToString(), " ", Name(image.dtype()));
  }
  const int64_t scale = config.scale();
  const auto nearest = [scale](int64_t side) {
    return std::max(scale, (side + scale / 2) / scale * scale);
  };
  if (image.dim(1) % scale != 0 || image.dim(2) % scale != 0) {
    return ctx.PortError(kImage, "it is ", image.dim(2), "×", image.dim(1),
                         "; this autoencoder takes multiples of ", scale, ", such as ",
                         nearest(image.dim(2)), "×", nearest(image.dim(1)));
  }
  return absl::OkStatus();
}

absl::Status Run(NodeContext& ctx) {
  const std::shared_ptr<const Vae> vae = ctx.Get(kVae);
  const VaeNetwork& network = vae->network();
  const VaeConfig& config = network.config();
  WEFT_RETURN_IF_ERROR(CheckImage(ctx, config));
  std::optional<Rng> rng;
  if (ctx.Has(kGenerator)) {
    rng = ctx.Get(kGenerator)->rng();
  } else if (ctx.Wanted(kAdvanced)) {
    return ctx.PortError(kGenerator, "the output \"generator\" is wired, so this input must be");
  }

  Ops ops = OpsFor(ctx, *vae);
  const Tensor image = ToNetworkRange(ops, ctx.Take(kImage));  // [b, h, w, c] in -1..1
  Tensor latent = network.Encode(ops, image);
  if (config.draws()) latent = SampleGaussian(ops, latent, rng.has_value() ? &*rng : nullptr);
  if (ctx.Get(kScaled)) latent = network.Scaled(ops, latent);
  WEFT_ASSIGN_OR_RETURN(Tensor result, ops.Finish(std::move(latent)));
  ctx.Set(kLatent, std::move(result));
  if (rng.has_value()) ctx.Set(kAdvanced, std::make_shared<const Generator>(*rng));
  return absl::OkStatus();
}

}  // namespace

NodeType VaeEncodeNode() {
  return {Contract{.type = "VaeEncode",
                   .doc = "A picture as a latent: (encode(2·image - 1) - shift_factor) · "
                          "scaling_factor.",
                   .category = "latent",
                   .inputs = {kVae, kImage, kGenerator, kScaled},
                   .outputs = {kLatent, kAdvanced}},
          Run};
}

}  // namespace weft
