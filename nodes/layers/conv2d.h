#ifndef WEFT_NODES_LAYERS_CONV2D_H_
#define WEFT_NODES_LAYERS_CONV2D_H_

#include "nodes/layers/sources.h"
#include "runtime/ops/ops.h"
#include "runtime/weights/weight_store.h"

namespace weft {

// A convolution over channels-last pictures; several sources are side by side in the channels.
struct Conv2d {
  enum class Bias : bool { kNo, kYes };

  // `kernel` is odd; the picture keeps its size.
  Conv2d(const Scope& scope, int64_t in, int64_t out, int64_t kernel = 3);
  // Stride, padding and upsampling as `spec` says.
  Conv2d(const Scope& scope, const ConvSpec& spec, Bias bias = Bias::kYes);

  Tensor operator()(Ops& ops, Sources sources, Epilogue epilogue = {}) const;
  Tensor operator()(Ops& ops, Tensor x, Epilogue epilogue = {}) const;

  ConvWeights weights;
};

}  // namespace weft

#endif  // WEFT_NODES_LAYERS_CONV2D_H_
