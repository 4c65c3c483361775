#ifndef WEFT_NODES_IMAGE_RESAMPLE_H_
#define WEFT_NODES_IMAGE_RESAMPLE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/tensor/tensor.h"

namespace weft {

enum class Filter : uint8_t { kNearest, kBox, kBilinear, kBicubic, kLanczos };

// "nearest", "box", "bilinear", "bicubic", "lanczos".
absl::Span<const absl::string_view> FilterNames();
Filter FilterFromName(absl::string_view name);  // one of the names above

// image [b, h, w, c], u8 or f32, at another size. As PIL's Image.resize: shrinking widens the
// filter, so that every pixel counts; u8 is computed in fixed point, columns after rows, to the
// same bits. Each channel goes by itself (PIL weighs colours with their alpha first).
absl::StatusOr<Tensor> Resample(const Tensor& image, int64_t height, int64_t width, Filter filter,
                                const Allocator& allocator);

}  // namespace weft

#endif  // WEFT_NODES_IMAGE_RESAMPLE_H_
