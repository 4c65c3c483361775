#include <algorithm>
#include <utility>

#include "nodes/layers/spread_rows.h"
#include "nodes/sampling/guidance.h"
#include "runtime/base/status_macros.h"

namespace weft {

Tensor Guide(Ops& ops, const Tensor& unconditional, const Tensor& conditional, double scale) {
  if (!ops.status().ok()) return {};
  absl::StatusOr<Tensor> result =
      Tensor::Allocate(ops.allocator(), DType::kF32, conditional.shape());
  if (!result.ok()) {
    ops.Fail(std::move(result).status());
    return {};
  }
  if (result->is_meta()) return *std::move(result);
  const auto s = static_cast<float>(scale);
  const float* u = unconditional.data<float>();
  const float* c = conditional.data<float>();
  float* to = result->mutable_data<float>();
  for (int64_t i = 0; i < conditional.numel(); ++i) to[i] = u[i] + s * (c[i] - u[i]);
  return *std::move(result);
}

namespace {

// What an entry adds to the time embedding: [texts, time_width].
Tensor Added(Ops& ops, const UnetNetwork& network, const Conditioning::Entry& entry,
             int64_t texts) {
  Tensor added;
  if (network.config().size_width > 0) {
    added = SpreadRows(ops, network.EmbedSizes(ops, entry.pooled, entry.sizes), texts);
  }
  if (!network.config().takes_class()) return added;
  const Tensor label = SpreadRows(ops, network.EmbedClass(ops, *entry.class_label), texts);
  return added.empty() ? label : ops.Add(std::move(added), label);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const GuidedUnet>> GuidedUnet::Make(Ops& ops,
                                                                   std::shared_ptr<const Unet> unet,
                                                                   const Conditioning& positive,
                                                                   const Conditioning* negative,
                                                                   double scale) {
  const UnetNetwork& network = unet->network();
  const UnetConfig& config = network.config();
  // A network that embeds the scale has learnt to do in one pass what guidance does in two.
  const bool embeds_scale = config.guidance_width > 0;
  const bool guides = negative != nullptr && scale > 1.0 && !embeds_scale;

  auto guided = std::shared_ptr<GuidedUnet>(new GuidedUnet(std::move(unet), scale));
  std::vector<const Conditioning::Entry*> entries;
  if (guides) entries.push_back(&negative->entries()[0]);
  entries.push_back(&positive.entries()[0]);
  guided->passes_ = static_cast<int64_t>(entries.size());
  for (const auto* entry : entries) {
    guided->texts_ = std::max(guided->texts_, entry->tokens.dim(0));
  }

  // One segment for both passes where the texts are equally many and long, else one each.
  UnetCondition& condition = guided->condition_;
  condition.context = network.EmptyContext();
  if (guides && entries[0]->tokens.shape() == entries[1]->tokens.shape()) {
    const Tensor both[] = {ops.OnDevice(entries[0]->tokens), ops.OnDevice(entries[1]->tokens)};
    network.AddSegment(ops, ops.Stack(both), condition.context);
  } else {
    for (const auto* entry : entries) network.AddSegment(ops, entry->tokens, condition.context);
  }
  if (config.size_width > 0 || config.takes_class()) {
    std::vector<Tensor> added;
    for (const auto* entry : entries) added.push_back(Added(ops, network, *entry, guided->texts_));
    condition.added = ops.Stack(added);
  }
  if (embeds_scale) condition.guidance_scale = scale;
  WEFT_RETURN_IF_ERROR(ops.status());
  return guided;
}

absl::StatusOr<Tensor> GuidedUnet::Predict(Ops& ops, const Question& question) const {
  const int64_t batch = question.latent.dim(0);
  if (batch % texts_ != 0) {
    return Invalid("a batch of ", batch, " latents cannot be shared by ", texts_, " texts");
  }
  Sources pictures = {RepeatBatch(ops, ops.OnDevice(question.latent), passes_)};
  if (question.channels) {
    const Tensor beside = SpreadRows(ops, ops.OnDevice(question.channels), batch);
    pictures.push_back(RepeatBatch(ops, beside, passes_));
  }
  const double scale = question.guidance_scale.value_or(scale_);
  UnetCondition condition = condition_;  // shares its tensors
  if (condition.guidance_scale.has_value()) condition.guidance_scale = scale;
  if (passes_ == 1 && scale > 1.0 && scale != scale_ && !condition.guidance_scale.has_value()) {
    return Invalid("a guidance_scale of ", scale, " needs the negative text, but the denoiser was ",
                   "bound without it (its own guidance_scale is ", scale_, ")");
  }
  Tensor noise = unet_->network()(ops, pictures, question.timestep, condition);
  if (passes_ == 2) {
    noise = Guide(ops, ops.Rows(noise, 0, batch), ops.Rows(noise, batch, 2 * batch), scale);
  }
  return ops.Finish(std::move(noise));
}

}  // namespace weft
