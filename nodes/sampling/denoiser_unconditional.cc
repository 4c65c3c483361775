// A UNet that is told nothing, DDPM's (Ho et al. 2020, arXiv 2006.11239), or a class alone:
//   noise = unet(latent, timestep)

#include <utility>

#include "nodes/models/part_ops.h"
#include "nodes/models/parts.h"
#include "nodes/sampling/denoiser.h"
#include "nodes/sampling/denoiser_network.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Unet> kUnet{.name = "unet", .doc = "The network, a UNet2DModel."};
constexpr In<int64_t> kLabel{.name = "class_label",
                             .doc = "What to draw, of a network that knows classes.",
                             .min = 0,
                             .max = 1 << 20,
                             .optional = true};
constexpr Out<Denoiser> kDenoiser{.name = "denoiser", .doc = "For PredictNoise."};

class UnconditionalUnet : public Denoiser {
 public:
  UnconditionalUnet(std::shared_ptr<const Unet> unet, UnetCondition condition)
      : unet_(std::move(unet)), condition_(std::move(condition)) {}

  absl::StatusOr<Tensor> Predict(Ops& ops, const Question& question) const override {
    Sources pictures = {ops.OnDevice(question.latent)};
    if (question.channels) pictures.push_back(ops.OnDevice(question.channels));
    Tensor noise = RunUnet(ops, *unet_, pictures, question, condition_);
    return ops.Finish(std::move(noise));
  }
  int64_t in_channels() const override { return unet_->network().config().in_channels; }
  int64_t out_channels() const override { return unet_->network().config().out_channels; }
  DType ComputeOr(DType of_the_run) const override { return unet_->ComputeOr(of_the_run); }

 private:
  std::shared_ptr<const Unet> unet_;
  UnetCondition condition_;
};

absl::Status Run(NodeContext& ctx) {
  const std::shared_ptr<const Unet> unet = ctx.Get(kUnet);
  const UnetNetwork& network = unet->network();
  const UnetConfig& config = network.config();
  if (config.context_width > 0) {
    return ctx.PortError(kUnet, "looks at a text ", config.context_width,
                         " wide: bind it with Guidance");
  }
  if (config.takes_class() != ctx.Has(kLabel)) {
    return config.takes_class()
               ? ctx.PortError(kUnet, "draws one of several classes: give \"class_label\"")
               : ctx.PortError(kLabel, "this UNet knows no classes");
  }
  UnetCondition condition{.context = network.EmptyContext()};
  Ops ops = OpsFor(ctx, *unet);
  if (ctx.Has(kLabel)) {
    if (config.class_count > 0 && ctx.Get(kLabel) >= config.class_count) {
      return ctx.PortError(kLabel, "is ", ctx.Get(kLabel), ", the UNet knows 0..",
                           config.class_count - 1);
    }
    WEFT_ASSIGN_OR_RETURN(condition.added, ops.Finish(network.EmbedClass(ops, ctx.Get(kLabel))));
  }
  ctx.Set(kDenoiser, std::make_shared<const UnconditionalUnet>(unet, std::move(condition)));
  return absl::OkStatus();
}

}  // namespace

NodeType UnconditionalDenoiserNode() {
  return {Contract{.type = "UnconditionalDenoiser",
                   .doc = "A UNet that is told nothing, or a class alone: DDPM's.",
                   .category = "sampling",
                   .inputs = {kUnet, kLabel},
                   .outputs = {kDenoiser}},
          Run};
}

}  // namespace weft
