#include "nodes/image/pixel_planes.h"

#include <algorithm>

#include "nodes/image/pixels.h"
#include "runtime/base/status_macros.h"

namespace weft {

absl::StatusOr<Tensor> PlanesOfImage(const Tensor& image, const Allocator& allocator) {
  WEFT_RETURN_IF_ERROR(CheckImage(image));
  const int64_t channels = image.dim(3);
  const int64_t pixels = image.dim(1) * image.dim(2);
  WEFT_ASSIGN_OR_RETURN(Tensor planes,
                        Tensor::Allocate(allocator, DType::kF32,
                                         {image.dim(0), channels, image.dim(1), image.dim(2)}));
  if (planes.is_meta() || image.is_meta()) return planes;
  WEFT_ASSIGN_OR_RETURN(const Tensor values, ToUnitF32(image, allocator));
  float* to = planes.mutable_data<float>();
  for (int64_t plane = 0; plane < image.dim(0) * channels; ++plane) {
    const float* from =
        values.data<float>() + plane / channels * pixels * channels + plane % channels;
    for (int64_t i = 0; i < pixels; ++i) *to++ = 2.0f * from[i * channels] - 1.0f;
  }
  return planes;
}

absl::StatusOr<Tensor> ImageOfPlanes(const Tensor& planes, const Allocator& allocator) {
  if (planes.rank() != 4 || planes.numel() == 0 || planes.dtype() != DType::kF32) {
    return Invalid("expected [batch, channels, height, width] f32, got ", planes.shape().ToString(),
                   " ", Name(planes.dtype()));
  }
  const int64_t channels = planes.dim(1);
  const int64_t pixels = planes.dim(2) * planes.dim(3);
  WEFT_ASSIGN_OR_RETURN(Tensor image,
                        Tensor::Allocate(allocator, DType::kF32,
                                         {planes.dim(0), planes.dim(2), planes.dim(3), channels}));
  if (image.is_meta() || planes.is_meta()) return image;
  const float* from = planes.data<float>();
  for (int64_t plane = 0; plane < planes.dim(0) * channels; ++plane) {
    float* to =
        image.mutable_data<float>() + plane / channels * pixels * channels + plane % channels;
    for (int64_t i = 0; i < pixels; ++i) {
      to[i * channels] = std::clamp(*from++ * 0.5f + 0.5f, 0.0f, 1.0f);
    }
  }
  return image;
}

}  // namespace weft
