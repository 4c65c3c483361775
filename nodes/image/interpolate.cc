#include "nodes/image/interpolate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr double kSharpness = -0.75;  // PyTorch's; PIL's is -0.5

// Weight of a pixel at this distance.
double Cubic(double distance) {
  constexpr double a = kSharpness;
  const double x = std::abs(distance);
  if (x <= 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return ((x - 5.0) * x + 8.0) * x * a - 4.0 * a;
  return 0.0;
}

// The four pixels that one of the result is made of, edges repeated, and their weights.
struct Taps {
  std::array<int64_t, 4> at;
  std::array<double, 4> weight;
};

std::vector<Taps> TapsOf(int64_t from, int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  std::vector<Taps> taps(static_cast<size_t>(to));
  for (int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale - 0.5;
    const auto first = static_cast<int64_t>(std::floor(centre)) - 1;
    for (int64_t k = 0; k < 4; ++k) {
      Taps& tap = taps[static_cast<size_t>(i)];
      tap.at[static_cast<size_t>(k)] = std::clamp<int64_t>(first + k, 0, from - 1);
      tap.weight[static_cast<size_t>(k)] = Cubic(centre - static_cast<double>(first + k));
    }
  }
  return taps;
}

absl::Status CheckPlanes(const Tensor& planes) {
  if (planes.rank() == 3 && planes.numel() > 0 && planes.dtype() == DType::kF32) {
    return absl::OkStatus();
  }
  return Invalid("expected planes [n, height, width] f32, got ", planes.shape().ToString(), " ",
                 Name(planes.dtype()));
}

}  // namespace

absl::StatusOr<Tensor> InterpolateBicubic(const Tensor& planes, int64_t height, int64_t width,
                                          const Allocator& allocator) {
  WEFT_RETURN_IF_ERROR(CheckPlanes(planes));
  const int64_t count = planes.dim(0);
  WEFT_ASSIGN_OR_RETURN(Tensor result,
                        Tensor::Allocate(allocator, DType::kF32, {count, height, width}));
  if (result.is_meta() || planes.is_meta()) return result;
  const std::vector<Taps> rows = TapsOf(planes.dim(1), height);
  const std::vector<Taps> columns = TapsOf(planes.dim(2), width);
  float* to = result.mutable_data<float>();
  for (int64_t n = 0; n < count; ++n) {
    const float* plane = planes.data<float>() + n * planes.shape().inner(1);
    for (const Taps& row : rows) {
      for (const Taps& column : columns) {
        double sum = 0;
        for (size_t i = 0; i < 4; ++i) {
          const float* line = plane + row.at[i] * planes.dim(2);
          double across = 0;
          for (size_t j = 0; j < 4; ++j) across += column.weight[j] * line[column.at[j]];
          sum += row.weight[i] * across;
        }
        *to++ = static_cast<float>(sum);
      }
    }
  }
  return result;
}

absl::StatusOr<Tensor> StretchToRange(const Tensor& planes, const Allocator& allocator) {
  WEFT_RETURN_IF_ERROR(CheckPlanes(planes));
  WEFT_ASSIGN_OR_RETURN(Tensor result, Tensor::Allocate(allocator, DType::kF32, planes.shape()));
  if (result.is_meta() || planes.is_meta()) return result;
  const int64_t pixels = planes.shape().inner(1);
  for (int64_t n = 0; n < planes.dim(0); ++n) {
    const float* from = planes.data<float>() + n * pixels;
    const auto [least, greatest] = std::minmax_element(from, from + pixels);
    const float range = *greatest - *least;
    const float low = *least;
    std::transform(from, from + pixels, result.mutable_data<float>() + n * pixels,
                   [&](float x) { return range > 0 ? 2.0f * (x - low) / range - 1.0f : -1.0f; });
  }
  return result;
}

}  // namespace weft
