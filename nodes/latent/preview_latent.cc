// A quick look at a latent: image = a·latent + b for each latent pixel, smoothed to full size; or,
// of an AutoencoderTiny, which is quick enough, what it decodes.
#include <utility>

#include "nodes/image/image.h"
#include "nodes/latent/latent.h"
#include "nodes/latent/pixel_range.h"
#include "nodes/models/part_ops.h"
#include "nodes/models/parts.h"
#include "nodes/sampling/step.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr In<Vae> kVae{.name = "vae", .doc = "What the latent is a latent of."};
constexpr In<Latent> kLatent{.name = "latent",
                             .doc = "Best the predicted clean one: SchedulerStep's `original`."};
constexpr In<Step> kStep{.name = "step", .doc = "Numbers the preview.", .optional = true};
constexpr Out<Image> kImage{.name = "image", .doc = "u8, as large as the picture will be."};

absl::StatusOr<Tensor> Picture(Ops& ops, const Vae& vae, const Tensor& latent) {
  const VaeNetwork& network = vae.network();
  if (!network.config().tiny.has_value()) return vae.preview().Draw(ops, network, latent);
  return ops.Finish(ToBytes(ops, network.Decode(ops, network.Unscaled(ops, ops.OnDevice(latent)))));
}

absl::Status Run(NodeContext& ctx) {
  const std::shared_ptr<const Vae> vae = ctx.Get(kVae);
  const Tensor latent = ctx.Get(kLatent);
  if (latent.rank() != 4 || latent.numel() == 0 || latent.dtype() != DType::kF32) {
    return ctx.PortError(kLatent, "expected [batch, channels, height, width] f32, got ",
                         latent.shape().ToString(), " ", Name(latent.dtype()));
  }
  WEFT_RETURN_IF_ERROR(ctx.Expect(kLatent, "channels", vae->network().config().latent_channels,
                                  "the VAE's latent_channels"));
  Ops ops = OpsFor(ctx, *vae);
  WEFT_ASSIGN_OR_RETURN(Tensor image, Picture(ops, *vae, latent));
  if (!ctx.dry_run()) ctx.Preview(image, ctx.Has(kStep) ? ctx.Get(kStep).index : 0);
  ctx.Set(kImage, std::move(image));
  return absl::OkStatus();
}

}  // namespace

NodeType PreviewLatentNode() {
  return {Contract{.type = "PreviewLatent",
                   .doc = "A quick look at a latent, without decoding it: image = a·latent + b, "
                          "fitted to the autoencoder once. An AutoencoderTiny decodes it.",
                   .category = "latent",
                   .effect = true,
                   .inputs = {kVae, kLatent, kStep},
                   .outputs = {kImage}},
          Run};
}

}  // namespace weft
