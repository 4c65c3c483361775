#ifndef WEFT_NODES_IMAGE_PIXELS_H_
#define WEFT_NODES_IMAGE_PIXELS_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/tensor/tensor.h"

namespace weft {

// An error unless `image` is [b, h, w, 1, 3 or 4], u8 or f32, and not empty.
absl::Status CheckImage(const Tensor& image);
// An error unless `mask` is [b, h, w, 1] f32, and not empty.
absl::Status CheckMask(const Tensor& mask);

// f32 in 0..1 → u8: round(255·x), clamped; u8 stays. NaN is an error.
absl::StatusOr<Tensor> ToU8(const Tensor& image, const Allocator& allocator);
// u8 → f32: x / 255; f32 stays.
absl::StatusOr<Tensor> ToUnitF32(const Tensor& image, const Allocator& allocator);

// A window of [b, h, w, c], any type.
absl::StatusOr<Tensor> Crop(const Tensor& image, int64_t top, int64_t left, int64_t height,
                            int64_t width, const Allocator& allocator);

// A picture of colour `fill` (0..1 in each channel), memory-less on kMeta.
absl::StatusOr<Tensor> Blank(DType dtype, Shape shape, float fill, const Allocator& allocator);
// Copies batch entry `index` of `from` into that of `to`, at this place. Same type and channels;
// it must fit.
void Paste(const Tensor& from, int64_t from_index, Tensor& to, int64_t to_index, int64_t top,
           int64_t left);

// All pictures of all batches in rows of `columns`, with `gap` white pixels between them; a
// smaller one stands at the top left of its cell.
absl::StatusOr<Tensor> ContactSheet(const std::vector<Tensor>& images, int64_t columns, int64_t gap,
                                    const Allocator& allocator);

}  // namespace weft

#endif  // WEFT_NODES_IMAGE_PIXELS_H_
