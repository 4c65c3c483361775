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

  // `reader`: the layer that alone reads the result, where there is one.
  Tensor operator()(Ops& ops, Sources sources, Activation activation = Activation::kNone,
                    Reader reader = {}) const {
    return ops.GroupNorm(weights, std::move(sources), groups, activation, reader);
  }

  Tensor operator()(Ops& ops, Tensor x, Activation activation = Activation::kNone,
                    Reader reader = {}) const {
    return (*this)(ops, OneSource(std::move(x)), activation, reader);
  }

  NormWeights weights;
  int64_t groups;
};

// Over the last axis.
struct LayerNorm {
  LayerNorm(const Scope& scope, int64_t width, double eps);

  // `reader`: the layer that alone reads the result, where there is one.
  Tensor operator()(Ops& ops, Tensor x, Reader reader = {}) const {
    return ops.LayerNorm(weights, std::move(x), reader);
  }

  NormWeights weights;
};

}  // namespace weft

#endif  // WEFT_NODES_LAYERS_NORM_H_
