#ifndef WEFT_NODES_IMAGE_PIXEL_PLANES_H_
#define WEFT_NODES_IMAGE_PIXEL_PLANES_H_

#include "absl/status/statusor.h"
#include "runtime/tensor/tensor.h"

namespace weft {

// Pictures as networks that work on pixels take them, and back:
// [b, h, w, c] u8 or f32 in 0..1 → [b, c, h, w] f32 in -1..1.
absl::StatusOr<Tensor> PlanesOfImage(const Tensor& image, const Allocator& allocator);
// [b, c, h, w] f32 → [b, h, w, c] f32, x/2 + 1/2 cut off to 0..1.
absl::StatusOr<Tensor> ImageOfPlanes(const Tensor& planes, const Allocator& allocator);

}  // namespace weft

#endif  // WEFT_NODES_IMAGE_PIXEL_PLANES_H_
