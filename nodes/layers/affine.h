#ifndef WEFT_NODES_LAYERS_AFFINE_H_
#define WEFT_NODES_LAYERS_AFFINE_H_

#include "runtime/ops/ops.h"

namespace weft {

// x·scale + shift in f32: for what goes into a network or comes out of it, on the host.
Tensor Affine(Ops& ops, const Tensor& x, double scale, double shift);

// The same with numbers for each channel of x [b, c, h, w].
Tensor AffineChannels(Ops& ops, const Tensor& x, absl::Span<const double> scales,
                      absl::Span<const double> shifts);

}  // namespace weft

#endif  // WEFT_NODES_LAYERS_AFFINE_H_
