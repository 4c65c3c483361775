#include "nodes/io/split_alpha.h"

#include <algorithm>

#include "runtime/base/status_macros.h"

namespace weft {

absl::StatusOr<ColourAndMask> SplitAlpha(const Tensor& image, const Allocator& allocator) {
  const Shape& shape = image.shape();
  if (image.rank() != 4 || (shape.dim(3) != 3 && shape.dim(3) != 4) ||
      image.dtype() != DType::kU8) {
    return Invalid("expects [b, h, w, 3 or 4] u8, but gets ", shape.ToString(), " ",
                   Name(image.dtype()));
  }
  const int64_t pixels = shape.outer(3);
  ColourAndMask split;
  WEFT_ASSIGN_OR_RETURN(
      split.mask,
      Tensor::Allocate(allocator, DType::kF32, Shape{shape.dim(0), shape.dim(1), shape.dim(2), 1}));
  float* mask = split.mask.mutable_data<float>();
  if (shape.dim(3) == 3) {
    split.colour = image;
    std::fill_n(mask, pixels, 0.0f);
    return split;
  }
  WEFT_ASSIGN_OR_RETURN(
      split.colour,
      Tensor::Allocate(allocator, DType::kU8, Shape{shape.dim(0), shape.dim(1), shape.dim(2), 3}));
  const uint8_t* from = image.data<uint8_t>();
  uint8_t* colour = split.colour.mutable_data<uint8_t>();
  for (int64_t i = 0; i < pixels; ++i, from += 4) {
    colour = std::copy_n(from, 3, colour);
    mask[i] = 1.0f - static_cast<float>(from[3]) / 255.0f;
  }
  return split;
}

}  // namespace weft
