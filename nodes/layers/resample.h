#ifndef WEFT_NODES_LAYERS_RESAMPLE_H_
#define WEFT_NODES_LAYERS_RESAMPLE_H_

#include "nodes/layers/conv2d.h"

namespace weft {

// Half the size by a 3×3 convolution of stride 2. padding 1: on all sides; 0: one row below and
// one column on the right, as diffusers' Downsample2D does it.
struct Downsample {
  Downsample(const Scope& scope, int64_t channels, int64_t padding);
  Tensor operator()(Ops& ops, Tensor x) const { return conv(ops, std::move(x)); }

  Conv2d conv;
};

// Nearest neighbours to height × width, then a 3×3 convolution.
struct Upsample {
  Upsample(const Scope& scope, int64_t channels);
  Tensor operator()(Ops& ops, Tensor x, int64_t height, int64_t width) const;
  // To twice the size.
  Tensor operator()(Ops& ops, Tensor x) const { return doubling(ops, std::move(x)); }

  Conv2d doubling;
  Conv2d plain;  // the same weights for sizes that are not doubles
};

// Pixel (y, x) of the result is pixel (⌊y·h/height⌋, ⌊x·w/width⌋): torch's `nearest`.
Tensor ResizeNearest(Ops& ops, const Tensor& x, int64_t height, int64_t width);

}  // namespace weft

#endif  // WEFT_NODES_LAYERS_RESAMPLE_H_
