#ifndef WEFT_NODES_LAYERS_AFFINE_H_
#define WEFT_NODES_LAYERS_AFFINE_H_

#include "runtime/ops/ops.h"

namespace weft {

// x·scale + shift in f32: for what goes into a network or comes out of it, on the host.
Tensor Affine(Ops& ops, const Tensor& x, double scale, double shift);

}  // namespace weft

#endif  // WEFT_NODES_LAYERS_AFFINE_H_
