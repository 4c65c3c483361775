#ifndef WEFT_NODES_LAYERS_NORM_H_
#define WEFT_NODES_LAYERS_NORM_H_

#include <utility>

#include "nodes/layers/sources.h"
#include "runtime/ops/ops.h"
#include "runtime/weights/weight_store.h"

namespace weft {

// Over groups of channels and all positions; several sources come out as one tensor.
struct GroupNorm {
  GroupNorm(const Scope& scope, int64_t channels, int64_t norm_groups, double eps);

  Tensor operator()(Ops& ops, Sources sources, Activation activation = Activation::kNone) const {
    return ops.GroupNorm(weights, std::move(sources), groups, activation);
  }

  Tensor operator()(Ops& ops, Tensor x, Activation activation = Activation::kNone) const {
    return (*this)(ops, OneSource(std::move(x)), activation);
  }

  NormWeights weights;
  int64_t groups;
};

// Over the last axis.
struct LayerNorm {
  LayerNorm(const Scope& scope, int64_t width, double eps);

  Tensor operator()(Ops& ops, Tensor x) const { return ops.LayerNorm(weights, std::move(x)); }

  NormWeights weights;
};

}  // namespace weft

#endif  // WEFT_NODES_LAYERS_NORM_H_
