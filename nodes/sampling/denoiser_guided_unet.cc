#include <utility>
#include <vector>

#include "nodes/sampling/guidance.h"
#include "runtime/base/status_macros.h"

namespace weft {

absl::StatusOr<std::shared_ptr<const GuidedUnet>> GuidedUnet::Make(Ops& ops,
                                                                   std::shared_ptr<const Unet> unet,
                                                                   const Conditioning& positive,
                                                                   const Conditioning* negative,
                                                                   const GuidanceOptions& options) {
  // A network that embeds the scale has learnt to do in one pass what guidance does in two.
  const bool embeds_scale = unet->network().config().guidance_width > 0;
  std::vector<Conditioning::Entry> entries;
  if (negative != nullptr && options.scale > 1.0 && !embeds_scale) entries = negative->entries();
  const size_t negatives = entries.size();
  entries.insert(entries.end(), positive.entries().begin(), positive.entries().end());
  const size_t count = entries.size();
  WEFT_ASSIGN_OR_RETURN(UnetPasses passes, UnetPasses::Make(ops, std::move(unet), entries));
  auto guided = std::shared_ptr<GuidedUnet>(new GuidedUnet(std::move(passes), options));
  guided->negatives_ = negatives;
  guided->entries_ = count;
  return guided;
}

absl::StatusOr<double> GuidedUnet::ScaleAt(const Question& question) const {
  const double scale = question.guidance_scale.value_or(options_.scale);
  const bool embeds_scale = passes_.config().guidance_width > 0;
  if (negatives_ == 0 && scale > 1.0 && scale != options_.scale && !embeds_scale) {
    return Invalid("a guidance_scale of ", scale, " needs the negative text, but the denoiser was ",
                   "bound without it (its own guidance_scale is ", options_.scale, ")");
  }
  if (options_.steps.whole()) return scale;
  if (question.num_inference_steps == 0) {
    return Invalid("guidance acts in a part of the steps alone, but this step does not say where ",
                   "in a run it is: take it from Timesteps");
  }
  const bool acts = options_.steps.Holds(question.inference_step, question.num_inference_steps);
  return acts ? scale : 1.0;
}

absl::StatusOr<Tensor> GuidedUnet::Predict(Ops& ops, const Question& question) const {
  WEFT_ASSIGN_OR_RETURN(const double scale, ScaleAt(question));
  std::vector<size_t> negatives;
  if (scale > 1.0) {
    WEFT_ASSIGN_OR_RETURN(negatives, passes_.Active(question, 0, negatives_));
  }
  WEFT_ASSIGN_OR_RETURN(const std::vector<size_t> positives,
                        passes_.Active(question, negatives_, entries_));
  std::vector<UnetPasses::Pass> passes;
  for (size_t entry : negatives) passes.push_back({entry});
  for (size_t entry : positives) passes.push_back({entry});
  if (passes.empty()) {
    return Invalid("no part of the conditioning holds in step ", question.inference_step, " of ",
                   question.num_inference_steps);
  }
  const bool embeds_scale = passes_.config().guidance_width > 0;
  std::vector<Answer> away = passes_.Answers(
      ops, question, passes, embeds_scale ? std::optional<double>(scale) : std::nullopt);
  WEFT_RETURN_IF_ERROR(ops.status());
  std::vector<Answer> towards(away.begin() + static_cast<int64_t>(negatives.size()), away.end());
  away.resize(negatives.size());
  FitAreas(ops, away);
  FitAreas(ops, towards);
  if (!away.empty()) WEFT_RETURN_IF_ERROR(CheckMeanWeights(away));

  if (away.empty() || towards.empty()) {
    const std::vector<Answer>& told = towards.empty() ? away : towards;
    WEFT_RETURN_IF_ERROR(CheckMeanWeights(told));
    return ops.Finish(MeanOf(ops, told));
  }
  Tensor noise = GuideByAll(ops, MeanOf(ops, away), towards, scale);
  if (options_.rescale > 0.0) {
    WEFT_RETURN_IF_ERROR(CheckMeanWeights(towards));
    noise = RescaleGuided(ops, noise, MeanOf(ops, towards), options_.rescale);
  }
  return ops.Finish(std::move(noise));
}

absl::Status CheckMeanWeights(absl::Span<const Answer> answers) {
  if (answers.size() <= 1) return absl::OkStatus();
  double sum = 0;
  for (const Answer& answer : answers) sum += answer.weight;
  if (sum > 0.0) return absl::OkStatus();
  return Invalid("the weights of these texts add up to ", sum,
                 ": without a negative text to push away from, and for guidance_rescale, their "
                 "mean is taken, and the sum must be more than 0");
}

}  // namespace weft
