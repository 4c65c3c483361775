#include "nodes/mask/mask_math.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "nodes/image/pixels.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

absl::StatusOr<Tensor> SameShape(const Tensor& mask, const Allocator& allocator) {
  WEFT_RETURN_IF_ERROR(CheckMask(mask));
  return Tensor::Allocate(allocator, DType::kF32, mask.shape());
}

// Calls `visit(line, stride, count)` for every row, then for every column, of each batch entry.
template <typename Visit>
void ForEachLine(Tensor& mask, Visit visit) {
  const int64_t height = mask.dim(1), width = mask.dim(2);
  for (int64_t b = 0; b < mask.dim(0); ++b) {
    float* plane = mask.mutable_data<float>() + b * height * width;
    for (int64_t y = 0; y < height; ++y) visit(plane + y * width, 1, width);
    for (int64_t x = 0; x < width; ++x) visit(plane + x, width, height);
  }
}

}  // namespace

absl::StatusOr<Tensor> InvertMask(const Tensor& mask, const Allocator& allocator) {
  WEFT_ASSIGN_OR_RETURN(Tensor inverted, SameShape(mask, allocator));
  if (inverted.is_meta() || mask.is_meta()) return inverted;
  float* to = inverted.mutable_data<float>();
  for (const float value : mask.span<float>()) *to++ = 1.0f - value;
  return inverted;
}

absl::StatusOr<Tensor> GrowMask(const Tensor& mask, int64_t pixels, const Allocator& allocator) {
  WEFT_ASSIGN_OR_RETURN(Tensor grown, SameShape(mask, allocator));
  if (grown.is_meta() || mask.is_meta()) return grown;
  std::copy_n(mask.data<float>(), mask.numel(), grown.mutable_data<float>());
  if (pixels == 0) return grown;
  const int64_t reach = std::abs(pixels);
  std::vector<float> line;
  ForEachLine(grown, [&](float* values, int64_t stride, int64_t count) {
    line.resize(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) line[static_cast<size_t>(i)] = values[i * stride];
    for (int64_t i = 0; i < count; ++i) {
      const auto first = line.begin() + std::max<int64_t>(i - reach, 0);
      const auto end = line.begin() + std::min(i + reach + 1, count);
      values[i * stride] =
          pixels > 0 ? *std::max_element(first, end) : *std::min_element(first, end);
    }
  });
  return grown;
}

absl::StatusOr<Tensor> BlurMask(const Tensor& mask, double sigma, const Allocator& allocator) {
  WEFT_ASSIGN_OR_RETURN(Tensor blurred, SameShape(mask, allocator));
  if (blurred.is_meta() || mask.is_meta()) return blurred;
  std::copy_n(mask.data<float>(), mask.numel(), blurred.mutable_data<float>());
  if (!(sigma > 0)) return blurred;
  const auto reach = static_cast<int64_t>(4.0 * sigma + 0.5);
  std::vector<double> weights;
  double sum = 0.0;
  for (int64_t k = -reach; k <= reach; ++k) {
    weights.push_back(std::exp(-0.5 * static_cast<double>(k * k) / (sigma * sigma)));
    sum += weights.back();
  }
  for (double& weight : weights) weight /= sum;
  std::vector<float> line;
  ForEachLine(blurred, [&](float* values, int64_t stride, int64_t count) {
    line.resize(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) line[static_cast<size_t>(i)] = values[i * stride];
    for (int64_t i = 0; i < count; ++i) {
      double blend = 0.0;
      for (int64_t k = -reach; k <= reach; ++k) {
        const int64_t at = std::clamp<int64_t>(i + k, 0, count - 1);
        blend += weights[static_cast<size_t>(k + reach)] * line[static_cast<size_t>(at)];
      }
      values[i * stride] = static_cast<float>(std::clamp(blend, 0.0, 1.0));
    }
  });
  return blurred;
}

absl::StatusOr<Tensor> MaskFromImage(const Tensor& image, int64_t channel, double threshold,
                                     const Allocator& allocator) {
  WEFT_RETURN_IF_ERROR(CheckImage(image));
  const int64_t channels = image.dim(3);
  if (channel >= channels) {
    return Invalid("there is no channel ", channel, " in a picture of ", channels);
  }
  WEFT_ASSIGN_OR_RETURN(
      Tensor mask,
      Tensor::Allocate(allocator, DType::kF32, Shape{image.dim(0), image.dim(1), image.dim(2), 1}));
  WEFT_ASSIGN_OR_RETURN(const Tensor values, ToUnitF32(image, allocator));
  if (mask.is_meta() || values.is_meta()) return mask;
  const float* pixel = values.data<float>();
  float* to = mask.mutable_data<float>();
  for (int64_t i = 0; i < mask.numel(); ++i, pixel += channels) {
    float value = channel >= 0 ? pixel[channel] : pixel[0];
    // ITU-R 601 luma.
    if (channel < 0 && channels >= 3) {
      value = 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2];
    }
    value = std::clamp(value, 0.0f, 1.0f);
    to[i] = threshold < 0 ? value : (static_cast<double>(value) > threshold ? 1.0f : 0.0f);
  }
  return mask;
}

}  // namespace weft
