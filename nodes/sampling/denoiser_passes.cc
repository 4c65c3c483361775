#include "nodes/sampling/denoiser_passes.h"

#include <algorithm>
#include <utility>

#include "nodes/layers/spread_rows.h"
#include "nodes/sampling/denoiser_network.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// What an entry adds to the time embedding: [texts, time_width], or empty.
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

// Whether the passes are told entries that follow each other.
bool InARow(absl::Span<const UnetPasses::Pass> passes) {
  for (size_t i = 1; i < passes.size(); ++i) {
    if (passes[i].entry != passes[i - 1].entry + 1) return false;
  }
  return true;
}

Tensor NoughtsLike(Ops& ops, const Tensor& x) {
  if (!ops.status().ok()) return {};
  absl::StatusOr<Tensor> noughts = Tensor::Allocate(ops.allocator(), x.dtype(), x.shape());
  if (!noughts.ok()) {
    ops.Fail(std::move(noughts).status());
    return {};
  }
  if (!noughts->is_meta()) std::fill_n(noughts->mutable_data<float>(), noughts->numel(), 0.0f);
  return *std::move(noughts);
}

}  // namespace

absl::StatusOr<UnetPasses> UnetPasses::Make(Ops& ops, std::shared_ptr<const Unet> unet,
                                            const std::vector<Conditioning::Entry>& entries) {
  UnetPasses passes(std::move(unet));
  const UnetNetwork& network = passes.unet_->network();
  std::vector<Tensor> texts;
  for (const Conditioning::Entry& entry : entries) {
    passes.texts_ = std::max(passes.texts_, entry.tokens.dim(0));
    texts.push_back(ops.OnDevice(entry.tokens));
    passes.told_.push_back({entry.steps, entry.area, entry.weight});
  }
  passes.one_segment_ = std::all_of(texts.begin(), texts.end(), [&](const Tensor& text) {
    return text.shape() == texts[0].shape();
  });
  passes.context_ = network.EmptyContext();
  // No step needs the layers that make keys and values. A network in 8 bits, which is chosen for
  // its memory, keeps none of their weights (38 MB of SD 1.5); others do, and switch adapters and
  // prompts without reading them again.
  Ops unkept(ops.backend(), ops.allocator(), ops.compute(), nullptr,
             std::make_shared<KeepBudget>(0));
  Ops& once = passes.unet_->store()->int8() != nullptr ? unkept : ops;
  if (passes.one_segment_) {
    const Tensor all = texts.size() == 1 ? texts[0] : ops.Stack(texts);
    network.AddSegment(once, all, passes.context_);
  } else {
    for (const Tensor& text : texts) network.AddSegment(once, text, passes.context_);
  }
  WEFT_RETURN_IF_ERROR(once.status());
  for (const Conditioning::Entry& entry : entries) {
    Tensor added = Added(ops, network, entry, passes.texts_);
    if (!added.empty()) passes.added_.push_back(std::move(added));
  }
  WEFT_RETURN_IF_ERROR(ops.status());
  return passes;
}

absl::StatusOr<std::vector<size_t>> UnetPasses::Active(const Denoiser::Question& question,
                                                       size_t first, size_t last) const {
  std::vector<size_t> active;
  for (size_t i = first; i < last; ++i) {
    const StepRange& steps = told_[i].steps;
    if (!steps.whole() && question.num_inference_steps == 0) {
      return Invalid("a part of the conditioning holds for some steps alone, but this step does ",
                     "not say where in a run it is: take it from Timesteps");
    }
    if (steps.whole() || steps.Holds(question.inference_step, question.num_inference_steps)) {
      active.push_back(i);
    }
  }
  return active;
}

UnetCondition UnetPasses::ConditionOf(Ops& ops, absl::Span<const Pass> passes) const {
  UnetCondition condition;
  std::vector<Tensor> added;
  for (const Pass& pass : passes) {
    if (!added_.empty()) added.push_back(added_[pass.entry]);
  }
  if (!added.empty()) condition.added = ops.Stack(added);

  const auto count = static_cast<int64_t>(told_.size());
  const auto entry = [](const Pass& pass) { return static_cast<int64_t>(pass.entry); };
  const bool in_a_row = InARow(passes);
  if (one_segment_ && in_a_row && static_cast<int64_t>(passes.size()) == count) {
    condition.context = context_;
    return condition;
  }
  for (const CrossContext::Segments& all : context_.layers) {
    CrossContext::Segments& chosen = condition.context.layers.emplace_back();
    const auto rows_of = [&](int64_t begin, int64_t end) {
      if (!ops.status().ok()) return Tensor();
      const int64_t texts = all[0].dim(0) / count;  // of each entry
      return ops.Rows(all[0], begin * texts, end * texts);
    };
    if (one_segment_ && in_a_row) {
      chosen.push_back(rows_of(entry(passes.front()), entry(passes.back()) + 1));
      continue;
    }
    for (const Pass& pass : passes) {
      chosen.push_back(one_segment_ ? rows_of(entry(pass), entry(pass) + 1) : all[pass.entry]);
    }
  }
  return condition;
}

std::vector<Answer> UnetPasses::Answers(Ops& ops, const Denoiser::Question& question,
                                        absl::Span<const Pass> passes,
                                        std::optional<double> embedded_scale) const {
  const int64_t batch = question.latent.dim(0);
  if (batch % texts_ != 0) {
    ops.Fail(Invalid("a batch of ", batch, " latents cannot be shared by ", texts_, " texts"));
    return {};
  }
  const auto count = static_cast<int64_t>(passes.size());
  Sources pictures = {RepeatBatch(ops, ops.OnDevice(question.latent), count)};
  if (question.channels) {
    const Tensor beside = SpreadRows(ops, ops.OnDevice(question.channels), batch);
    const auto sees = [](const Pass& pass) { return pass.channels; };
    if (std::all_of(passes.begin(), passes.end(), sees)) {
      pictures.push_back(RepeatBatch(ops, beside, count));
    } else {
      const Tensor noughts = NoughtsLike(ops, beside);
      std::vector<Tensor> channels;
      for (const Pass& pass : passes) channels.push_back(pass.channels ? beside : noughts);
      pictures.push_back(ops.Stack(channels));
    }
  }
  UnetCondition condition = ConditionOf(ops, passes);
  condition.guidance_scale = embedded_scale;
  std::vector<int64_t> numbers;
  for (const Pass& pass : passes) {
    numbers.push_back(2 * static_cast<int64_t>(pass.entry) + (pass.channels ? 1 : 0));
  }
  const Tensor noise = RunUnet(ops, *unet_, pictures, question, condition, numbers);
  std::vector<Answer> answers;
  for (int64_t i = 0; i < count && ops.status().ok(); ++i) {
    const Told& told = told_[passes[static_cast<size_t>(i)].entry];
    const Tensor rows = count == 1 ? noise : ops.Rows(noise, i * batch, (i + 1) * batch);
    answers.push_back({rows, told.weight, told.area});
  }
  return answers;
}

}  // namespace weft
