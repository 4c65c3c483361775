#include "nodes/layers/spatial_attention.h"

#include <utility>

namespace weft {
namespace {

const AttentionNames& NamesIn(const Scope& scope) {
  const bool old = scope.Has(absl::StrCat(kOldDiffusersAttention.query, ".weight"));
  return old ? kOldDiffusersAttention : kDiffusersAttention;
}

}  // namespace

SpatialAttention::SpatialAttention(const Scope& scope, const SpatialAttentionConfig& config)
    : norm_(scope.Sub("group_norm"), config.channels, config.groups, config.eps),
      attention_(scope, NamesIn(scope),
                 AttentionConfig{.width = config.channels,
                                 .heads = config.heads,
                                 .head_width = config.channels / config.heads,
                                 .bias = Linear::Bias::kYes}) {}

Tensor SpatialAttention::operator()(Ops& ops, Tensor x) const {
  if (!ops.status().ok()) return {};
  const Shape picture = x.shape();
  const Shape rows = {x.dim(0), x.dim(1) * x.dim(2), x.dim(3)};
  Tensor h = norm_(ops, x, Activation::kNone, attention_.reader());
  h = ops.Reshape(h, rows);  // [b, h·w, c]
  x = ops.Reshape(x, rows);
  return ops.Reshape(attention_(ops, std::move(h), std::move(x)), picture);
}

}  // namespace weft
