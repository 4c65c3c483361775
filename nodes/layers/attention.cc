#include "nodes/layers/attention.h"

#include <cmath>
#include <utility>

#include "runtime/base/status_macros.h"

namespace weft {
namespace {

AttentionSpec SpecOf(const AttentionConfig& config) {
  return {.heads = config.heads,
          .scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(config.head_width))),
          .causal = config.causal};
}

}  // namespace

SelfAttention::SelfAttention(const Scope& scope, const AttentionNames& names,
                             const AttentionConfig& config)
    : config_(config),
      query_key_value_(
          Linear::Merged({scope.Sub(names.query), scope.Sub(names.key), scope.Sub(names.value)},
                         config.width, config.inner(), config.bias)),
      out_(scope.Sub(names.out), config.inner(), config.width) {}

Tensor SelfAttention::operator()(Ops& ops, Tensor x, Tensor residual) const {
  const int64_t inner = config_.inner();
  const Tensor qkv = query_key_value_(ops, std::move(x));  // [b, rows, q | k | v]
  Tensor seen = ops.Attention({qkv, 0, inner}, {qkv, inner, inner}, {qkv, 2 * inner, inner},
                              SpecOf(config_));                          // [b, rows, inner]
  return out_(ops, std::move(seen), {.residual = std::move(residual)});  // [b, rows, width]
}

CrossAttention::CrossAttention(const Scope& scope, const AttentionNames& names,
                               const AttentionConfig& config, int64_t context_width, int64_t index)
    : config_(config),
      index_(index),
      query_(scope.Sub(names.query), config.width, config.inner(), config.bias),
      key_value_(Linear::Merged({scope.Sub(names.key), scope.Sub(names.value)}, context_width,
                                config.inner(), config.bias)),
      out_(scope.Sub(names.out), config.inner(), config.width) {}

Tensor CrossAttention::KeysAndValues(Ops& ops, const Tensor& text) const {
  return key_value_(ops, text);
}

Tensor CrossAttention::operator()(Ops& ops, Tensor x, const CrossContext& context,
                                  Tensor residual) const {
  const CrossContext::Segments& segments = context.layers[static_cast<size_t>(index_)];
  const auto shares = static_cast<int64_t>(segments.size());
  const Tensor query = query_(ops, std::move(x));  // [b, rows, inner]
  if (!ops.status().ok()) return {};
  if (query.dim(0) % shares != 0) {
    ops.Fail(
        Invalid("attention: a batch of ", query.dim(0), " cannot be shared by ", shares, " texts"));
    return {};
  }
  if (shares == 1) {
    return out_(ops, Attend(ops, query, segments[0]), {.residual = std::move(residual)});
  }
  std::vector<Tensor> seen;
  const int64_t share = query.dim(0) / shares;
  for (int64_t i = 0; i < shares; ++i) {
    seen.push_back(
        Attend(ops, ops.Rows(query, i * share, (i + 1) * share), segments[static_cast<size_t>(i)]));
  }
  Tensor all = ops.Stack(seen);
  seen.clear();
  return out_(ops, std::move(all), {.residual = std::move(residual)});
}

// Rows of cross-attention do not see each other, so pictures that look at the same text are one
// long picture: [b, rows, inner] is read as [texts, b/texts·rows, inner].
Tensor CrossAttention::Attend(Ops& ops, const Tensor& query, const Tensor& keys_and_values) const {
  if (!ops.status().ok()) return {};
  const int64_t inner = config_.inner();
  const int64_t texts = keys_and_values.dim(0);
  if (query.dim(0) % texts != 0) {
    ops.Fail(
        Invalid("attention: a batch of ", query.dim(0), " cannot be shared by ", texts, " texts"));
    return {};
  }
  const Tensor rows =
      ops.Reshape(query, {texts, query.dim(0) / texts * query.dim(1), query.dim(2)});
  const Tensor seen = ops.Attention({rows, 0, inner}, {keys_and_values, 0, inner},
                                    {keys_and_values, inner, inner}, SpecOf(config_));
  return ops.Reshape(seen, query.shape());
}

}  // namespace weft
