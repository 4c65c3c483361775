// Binds a UNet that edits a picture as an instruction says (8 channels), with a scale for each:
//   noise = u + image_guidance_scale · (i - u) + guidance_scale · Σ weight · (c - i)
// u: the negative text without the picture, i: the negative text with it, c: the positive text with
// it (Brooks et al. 2023, InstructPix2Pix; diffusers' StableDiffusionInstructPix2PixPipeline).
#include <vector>

#include "nodes/models/part_ops.h"
#include "nodes/sampling/guidance.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Unet> kUnet{.name = "unet", .doc = "The network."};
constexpr In<Conditioning> kPositive{.name = "positive", .doc = "What to change."};
constexpr In<Conditioning> kNegative{.name = "negative", .doc = "What to keep away from."};
constexpr In<double> kScale{.name = "guidance_scale",
                            .doc =
                                "How closely to follow the instruction; 1 and less: one pass "
                                "and no guidance.",
                            .fallback = 7.5,
                            .min = 0,
                            .max = 1000};
constexpr In<double> kImageScale{.name = "image_guidance_scale",
                                 .doc =
                                     "How closely to keep to the picture; less than 1: one pass "
                                     "and no guidance.",
                                 .fallback = 1.5,
                                 .min = 0,
                                 .max = 1000};
constexpr Out<Denoiser> kDenoiser{
    .name = "denoiser", .doc = "For PredictNoise, with the picture's latent as its channels."};

class Pix2PixUnet : public Denoiser {
 public:
  Pix2PixUnet(UnetPasses passes, size_t negatives, size_t entries, double scale, double image_scale)
      : passes_(std::move(passes)),
        negatives_(negatives),
        entries_(entries),
        scale_(scale),
        image_scale_(image_scale) {}

  absl::StatusOr<Tensor> Predict(Ops& ops, const Question& question) const override {
    const double scale = question.guidance_scale.value_or(scale_);
    WEFT_ASSIGN_OR_RETURN(std::vector<size_t> negatives, passes_.Active(question, 0, negatives_));
    WEFT_ASSIGN_OR_RETURN(const std::vector<size_t> positives,
                          passes_.Active(question, negatives_, entries_));
    const bool guides = scale > 1.0 && image_scale_ >= 1.0;
    if (positives.empty() || (guides && negatives.empty())) {
      return Invalid("no part of the ", positives.empty() ? "positive" : "negative",
                     " conditioning holds in step ", question.inference_step);
    }
    if (!guides) negatives.clear();
    std::vector<UnetPasses::Pass> passes;
    for (size_t entry : negatives) passes.push_back({entry, /*channels=*/false});
    for (size_t entry : negatives) passes.push_back({entry});
    for (size_t entry : positives) passes.push_back({entry});
    const std::vector<Answer> all = passes_.Answers(ops, question, passes, std::nullopt);
    WEFT_RETURN_IF_ERROR(ops.status());

    const auto count = static_cast<int64_t>(negatives.size());
    std::vector<Answer> nothing(all.begin(), all.begin() + count);
    std::vector<Answer> picture(all.begin() + count, all.begin() + 2 * count);
    std::vector<Answer> told(all.begin() + 2 * count, all.end());
    for (std::vector<Answer>* answers : {&nothing, &picture, &told}) FitAreas(ops, *answers);
    if (!guides) {
      WEFT_RETURN_IF_ERROR(CheckMeanWeights(told));
      return ops.Finish(MeanOf(ops, told));
    }
    WEFT_RETURN_IF_ERROR(CheckMeanWeights(nothing));
    const Tensor image = MeanOf(ops, picture);
    const Tensor guided = GuideByAll(ops, image, told, scale);
    return ops.Finish(AddImageGuidance(ops, guided, image, MeanOf(ops, nothing), image_scale_));
  }
  int64_t in_channels() const override { return passes_.config().in_channels; }
  int64_t out_channels() const override { return passes_.config().out_channels; }
  DType ComputeOr(DType of_the_run) const override { return passes_.unet().ComputeOr(of_the_run); }

 private:
  UnetPasses passes_;
  size_t negatives_;  // the first so many entries
  size_t entries_;
  double scale_;
  double image_scale_;
};

absl::Status Run(NodeContext& ctx) {
  const std::shared_ptr<const Unet> unet = ctx.Get(kUnet);
  const UnetConfig& config = unet->network().config();
  WEFT_RETURN_IF_ERROR(CheckConditioning(ctx, kPositive, config));
  WEFT_RETURN_IF_ERROR(CheckConditioning(ctx, kNegative, config));
  std::vector<Conditioning::Entry> entries = ctx.Get(kNegative)->entries();
  const size_t negatives = entries.size();
  const std::vector<Conditioning::Entry>& positives = ctx.Get(kPositive)->entries();
  entries.insert(entries.end(), positives.begin(), positives.end());
  const size_t count = entries.size();
  Ops ops = OpsFor(ctx, *unet);
  WEFT_ASSIGN_OR_RETURN(UnetPasses passes, UnetPasses::Make(ops, unet, entries));
  ctx.Set(kDenoiser, std::make_shared<const Pix2PixUnet>(std::move(passes), negatives, count,
                                                         ctx.Get(kScale), ctx.Get(kImageScale)));
  return absl::OkStatus();
}

}  // namespace

NodeType InstructPix2PixGuidanceNode() {
  return {Contract{.type = "InstructPix2PixGuidance",
                   .doc = "Binds a UNet that edits a picture: noise = u + image_guidance_scale · "
                          "(i - u) + guidance_scale · Σ weight · (c - i), of the passes without "
                          "picture and instruction, with the picture, and with both.",
                   .category = "sampling",
                   .inputs = {kUnet, kPositive, kNegative, kScale, kImageScale},
                   .outputs = {kDenoiser}},
          Run};
}

}  // namespace weft
