#ifndef WEFT_NODES_LATENT_PIXEL_RANGE_H_
#define WEFT_NODES_LATENT_PIXEL_RANGE_H_

#include "runtime/base/rng.h"
#include "runtime/ops/ops.h"

namespace weft {

// u8, or f32 in 0..1 → f32 in -1..1: 2·x - 1.
Tensor ToNetworkRange(Ops& ops, const Tensor& image);

// f32 in about -1..1 → f32 in 0..1: x/2 + 1/2, cut off at both ends.
Tensor ToImageRange(Ops& ops, Tensor x);

// f32 in about -1..1 → u8, rounded and cut off at both ends.
Tensor ToBytes(Ops& ops, const Tensor& x);

// Of moments [b, 2·c, h, w] f32 (mean, then logarithm of the variance) the mean, or with `rng` a
// draw: mean + exp(logvar/2)·randn. The logarithm is held in -30..20, as diffusers holds it.
// Returns [b, c, h, w].
Tensor SampleGaussian(Ops& ops, const Tensor& moments, Rng* rng);

}  // namespace weft

#endif  // WEFT_NODES_LATENT_PIXEL_RANGE_H_
