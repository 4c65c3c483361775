#ifndef WEFT_NODES_IO_SPLIT_ALPHA_H_
#define WEFT_NODES_IO_SPLIT_ALPHA_H_

#include "absl/status/statusor.h"
#include "runtime/tensor/tensor.h"

namespace weft {

struct ColourAndMask {
  Tensor colour;  // [b, h, w, 3] u8
  Tensor mask;    // [b, h, w, 1] f32: 1 - alpha / 255; all 0 without alpha
};
// image [b, h, w, 3 or 4] u8.
absl::StatusOr<ColourAndMask> SplitAlpha(const Tensor& image, const Allocator& allocator);

}  // namespace weft

#endif  // WEFT_NODES_IO_SPLIT_ALPHA_H_
