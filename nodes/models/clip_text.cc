#include "nodes/models/clip_text.h"

#include <algorithm>
#include <utility>

#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// transformers 4 writes its names below "text_model", transformers 5 without it.
Scope TextModelIn(const Scope& scope) {
  const Scope prefixed = scope.Sub("text_model");
  return prefixed.Has("embeddings.token_embedding.weight") ? prefixed : scope;
}

}  // namespace

ClipText::Layer::Layer(const Scope& scope, const ClipTextConfig& config)
    : norm1(scope.Sub("layer_norm1"), config.width, config.eps),
      attention(scope.Sub("self_attn"), kClipAttention,
                AttentionConfig{.width = config.width,
                                .heads = config.heads,
                                .head_width = config.width / config.heads,
                                .bias = Linear::Bias::kYes,
                                .causal = true}),
      norm2(scope.Sub("layer_norm2"), config.width, config.eps),
      mlp(scope.Sub("mlp"), config.width, config.inner_width, config.activation) {}

Tensor ClipText::Layer::operator()(Ops& ops, Tensor x) const {
  Tensor h = norm1(ops, x);
  x = attention(ops, std::move(h), std::move(x));
  h = norm2(ops, x);
  return mlp(ops, std::move(h), std::move(x));
}

ClipText::ClipText(const Scope& scope, const ClipTextConfig& config)
    : config_(config),
      token_embedding_(
          {TextModelIn(scope).Get("embeddings.token_embedding.weight",
                                  {config.vocabulary - config.learned_rows, config.width})}),
      position_embedding_(TextModelIn(scope).Get("embeddings.position_embedding.weight",
                                                 {config.positions, config.width})),
      final_norm_(TextModelIn(scope).Sub("final_layer_norm"), config.width, config.eps) {
  if (config.learned_rows > 0) {
    token_embedding_.push_back(scope.Get(kLearnedEmbedding, {config.learned_rows, config.width}));
  }
  TextModelIn(scope).Ignore("embeddings.position_ids");  // 0, 1, 2, … in older files
  const Scope encoder = TextModelIn(scope).Sub("encoder");
  for (int64_t i = 0; i < config.layers; ++i)
    layers_.emplace_back(encoder.Sub("layers", i), config);
  if (config.projection_width > 0) {
    projection_.emplace(scope.Sub("text_projection"), config.width, config.projection_width,
                        Linear::Bias::kNo);
  }
}

ClipText::Output ClipText::operator()(Ops& ops, const Tensor& ids, const Options& options) const {
  const int64_t kept = config_.layers - options.skip;
  Tensor x = ops.Embed(token_embedding_, position_embedding_,
                       ops.OnDevice(ids));  // [b, n, width], as all below
  for (int64_t i = 0; i < kept; ++i) x = layers_[static_cast<size_t>(i)](ops, std::move(x));
  Tensor hidden = options.final_norm ? final_norm_(ops, x) : x;
  if (!options.pooled) return {std::move(hidden), {}};

  for (int64_t i = kept; i < config_.layers; ++i) {
    x = layers_[static_cast<size_t>(i)](ops, std::move(x));
  }
  const bool same = options.final_norm && options.skip == 0;
  const Tensor last = same ? hidden : final_norm_(ops, std::move(x));
  Tensor pooled = Pool(ops, last, ids);                                          // [b, width]
  if (projection_.has_value()) pooled = (*projection_)(ops, std::move(pooled));  // [b, projection]
  return {std::move(hidden), std::move(pooled)};
}

Tensor ClipText::Pool(Ops& ops, const Tensor& hidden, const Tensor& ids) const {
  if (!ops.status().ok()) return {};
  const int64_t batch = hidden.dim(0);
  const int64_t count = hidden.dim(1);
  const Tensor rows = ops.Reshape(hidden, {batch * count, hidden.dim(2)});
  std::vector<Tensor> ends;
  for (int64_t b = 0; b < batch; ++b) {
    const bool known = !ids.is_meta();
    const int64_t end = known
                            ? EndOfText(ids.span<int32_t>().subspan(static_cast<size_t>(b * count),
                                                                    static_cast<size_t>(count)),
                                        config_.end_token)
                            : 0;
    ends.push_back(ops.Rows(rows, b * count + end, b * count + end + 1));
  }
  return ops.Stack(ends);
}

int64_t EndOfText(absl::Span<const int32_t> ids, int64_t end_token) {
  constexpr int64_t kOldEndToken = 2;
  const auto end = end_token == kOldEndToken ? std::max_element(ids.begin(), ids.end())
                                             : std::find(ids.begin(), ids.end(), end_token);
  return end == ids.end() ? 0 : end - ids.begin();
}

absl::Status CheckTokenIds(const Tensor& ids, int64_t vocabulary) {
  if (ids.dtype() != DType::kI32 || ids.rank() != 2) {
    return Invalid("expected token ids [batch, tokens] i32, got ", ids.shape().ToString(), " ",
                   Name(ids.dtype()));
  }
  if (ids.is_meta()) return absl::OkStatus();
  const absl::Span<const int32_t> values = ids.span<int32_t>();
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] < 0 || values[i] >= vocabulary) {
      return Invalid("token ", static_cast<int64_t>(i) % ids.dim(1), " of text ",
                     static_cast<int64_t>(i) / ids.dim(1), " is ", values[i],
                     "; the text encoder knows 0..", vocabulary - 1);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckTextIds(const Tensor& ids, const TextIds& own) {
  if (ids.is_meta() || ids.numel() == 0) return absl::OkStatus();
  const auto length = static_cast<size_t>(ids.dim(1));
  for (int64_t i = 0; i < ids.dim(0); ++i) {
    const absl::Span<const int32_t> text =
        ids.span<int32_t>().subspan(static_cast<size_t>(i) * length, length);
    if (text.front() != own.begin) {
      return Invalid("these texts begin with token ", text.front(),
                     ", those of this text encoder's own tokenizer with ", own.begin,
                     ": the tokenizer is another model's");
    }
    const auto end = std::find(text.begin(), text.end(), own.end);
    if (end == text.end() || end + 1 == text.end()) continue;  // there is nothing to fill up
    const int32_t last = text.back();
    // A full text ends with one end token, which is no filling.
    const bool full = last == own.end && text[length - 2] != own.end;
    if (last != own.pad && !full) {
      return Invalid("these texts are filled up with token ", last,
                     ", those of this text encoder's own tokenizer with ", own.pad,
                     ": the tokenizer is another model's");
    }
  }
  return absl::OkStatus();
}

}  // namespace weft
