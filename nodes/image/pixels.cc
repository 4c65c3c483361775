#include "nodes/image/pixels.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "nodes/image/codec.h"
#include "runtime/base/status_macros.h"

namespace weft {

absl::Status CheckImage(const Tensor& image) {
  const int64_t channels = image.rank() == 4 ? image.dim(3) : 0;
  if ((image.dtype() != DType::kU8 && image.dtype() != DType::kF32) ||
      (channels != 1 && channels != 3 && channels != 4) || image.numel() == 0) {
    return Invalid("expects a picture, [b, h, w, 1, 3 or 4] u8 or f32, but gets ",
                   image.shape().ToString(), " ", Name(image.dtype()));
  }
  return absl::OkStatus();
}

absl::Status CheckMask(const Tensor& mask) {
  if (mask.dtype() != DType::kF32 || mask.rank() != 4 || mask.dim(3) != 1 || mask.numel() == 0) {
    return Invalid("expects a mask, [b, h, w, 1] f32, but gets ", mask.shape().ToString(), " ",
                   Name(mask.dtype()));
  }
  return absl::OkStatus();
}

absl::StatusOr<Tensor> ToU8(const Tensor& image, const Allocator& allocator) {
  if (image.dtype() == DType::kU8) return image;
  WEFT_ASSIGN_OR_RETURN(Tensor bytes, Tensor::Allocate(allocator, DType::kU8, image.shape()));
  if (image.is_meta() || bytes.is_meta()) return bytes;
  const float* from = image.data<float>();
  uint8_t* to = bytes.mutable_data<uint8_t>();
  for (int64_t i = 0; i < image.numel(); ++i) {
    if (std::isnan(from[i])) return Invalid("the picture holds NaN at element ", i);
    // Half to even, as NumPy rounds.
    to[i] = static_cast<uint8_t>(std::nearbyint(std::clamp(from[i], 0.0f, 1.0f) * 255.0f));
  }
  return bytes;
}

absl::StatusOr<Tensor> ToUnitF32(const Tensor& image, const Allocator& allocator) {
  if (image.dtype() == DType::kF32) return image;
  WEFT_ASSIGN_OR_RETURN(Tensor floats, Tensor::Allocate(allocator, DType::kF32, image.shape()));
  if (image.is_meta() || floats.is_meta()) return floats;
  const uint8_t* from = image.data<uint8_t>();
  float* to = floats.mutable_data<float>();
  for (int64_t i = 0; i < image.numel(); ++i) to[i] = static_cast<float>(from[i]) / 255.0f;
  return floats;
}

absl::StatusOr<Tensor> Crop(const Tensor& image, int64_t top, int64_t left, int64_t height,
                            int64_t width, const Allocator& allocator) {
  if (top < 0 || left < 0 || height < 1 || width < 1 || height > image.dim(1) ||
      width > image.dim(2) || top > image.dim(1) - height || left > image.dim(2) - width) {
    return Invalid("a window of ", width, " × ", height, " at ", left, ", ", top,
                   " does not lie within a picture of ", image.dim(2), " × ", image.dim(1));
  }
  WEFT_ASSIGN_OR_RETURN(
      Tensor window,
      Tensor::Allocate(allocator, image.dtype(), Shape{image.dim(0), height, width, image.dim(3)}));
  if (image.is_meta() || window.is_meta()) return window;
  const size_t pixel = static_cast<size_t>(image.dim(3)) * SizeOf(image.dtype());
  const size_t row = static_cast<size_t>(width) * pixel;
  std::byte* to = window.mutable_data<std::byte>();
  for (int64_t b = 0; b < image.dim(0); ++b) {
    for (int64_t y = 0; y < height; ++y, to += row) {
      const int64_t first = (b * image.dim(1) + top + y) * image.dim(2) + left;
      std::memcpy(to, image.raw() + static_cast<size_t>(first) * pixel, row);
    }
  }
  return window;
}

absl::StatusOr<Tensor> Blank(DType dtype, Shape shape, float fill, const Allocator& allocator) {
  WEFT_ASSIGN_OR_RETURN(Tensor image, Tensor::Allocate(allocator, dtype, std::move(shape)));
  if (image.is_meta()) return image;
  if (dtype == DType::kU8) {
    std::fill_n(image.mutable_data<uint8_t>(), image.numel(),
                static_cast<uint8_t>(std::nearbyint(fill * 255.0f)));
  } else {
    std::fill_n(image.mutable_data<float>(), image.numel(), fill);
  }
  return image;
}

void Paste(const Tensor& from, int64_t from_index, Tensor& to, int64_t to_index, int64_t top,
           int64_t left) {
  const size_t pixel = static_cast<size_t>(from.dim(3)) * SizeOf(from.dtype());
  const size_t row = static_cast<size_t>(from.dim(2)) * pixel;
  for (int64_t y = 0; y < from.dim(1); ++y) {
    const int64_t target = (to_index * to.dim(1) + top + y) * to.dim(2) + left;
    std::memcpy(to.mutable_data<std::byte>() + static_cast<size_t>(target) * pixel,
                from.raw() + static_cast<size_t>(from_index * from.dim(1) + y) * row, row);
  }
}

absl::StatusOr<Tensor> ContactSheet(const std::vector<Tensor>& images, int64_t columns, int64_t gap,
                                    const Allocator& allocator) {
  if (images.empty()) return Invalid("there are no pictures to put together");
  int64_t count = 0, height = 0, width = 0;
  for (const Tensor& image : images) {
    WEFT_RETURN_IF_ERROR(CheckImage(image));
    if (image.dtype() != images[0].dtype() || image.dim(3) != images[0].dim(3)) {
      return Invalid("pictures must be alike to be put together, but one is ",
                     images[0].shape().ToString(), " ", Name(images[0].dtype()), " and another ",
                     image.shape().ToString(), " ", Name(image.dtype()));
    }
    count += image.dim(0);
    height = std::max(height, image.dim(1));
    width = std::max(width, image.dim(2));
  }
  columns = columns < 1 ? count : std::min(columns, count);
  const int64_t rows = (count + columns - 1) / columns;
  const int64_t all_height = rows * height + (rows - 1) * gap;
  const int64_t all_width = columns * width + (columns - 1) * gap;
  WEFT_RETURN_IF_ERROR(
      Annotate(CheckImageSize(all_width, all_height), "the pictures put together"));
  WEFT_ASSIGN_OR_RETURN(
      Tensor sheet,
      Blank(images[0].dtype(), Shape{1, all_height, all_width, images[0].dim(3)}, 1.0f, allocator));
  if (sheet.is_meta()) return sheet;
  int64_t at = 0;
  for (const Tensor& image : images) {
    for (int64_t b = 0; b < image.dim(0); ++b, ++at) {
      Paste(image, b, sheet, 0, at / columns * (height + gap), at % columns * (width + gap));
    }
  }
  return sheet;
}

}  // namespace weft
