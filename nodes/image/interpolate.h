#ifndef WEFT_NODES_IMAGE_INTERPOLATE_H_
#define WEFT_NODES_IMAGE_INTERPOLATE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "runtime/tensor/tensor.h"

namespace weft {

// planes [n, h, w] f32 at another size, by Keys' cubic of the four nearest pixels in each direction
// whatever the scale: torch.nn.functional.interpolate, bicubic, align_corners False. (Resample, as
// PIL, widens its filter where it shrinks.)
absl::StatusOr<Tensor> InterpolateBicubic(const Tensor& planes, int64_t height, int64_t width,
                                          const Allocator& allocator);

// Each plane of [n, h, w] f32 stretched to -1..1: 2·(x - least)/(greatest - least) - 1; a flat one
// becomes -1.
absl::StatusOr<Tensor> StretchToRange(const Tensor& planes, const Allocator& allocator);

}  // namespace weft

#endif  // WEFT_NODES_IMAGE_INTERPOLATE_H_
