#include <algorithm>
#include <array>
#include <vector>

#include "nodes/image/pixels.h"
#include "nodes/mask/mask_math.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr std::array<absl::string_view, 3> kNames = {"nearest", "area", "bilinear"};

// Along one axis: an output position is the mean of the inputs first..last, or, where `share` is
// given, first · (1 - share) + last · share.
struct Span1D {
  int64_t first = 0;
  int64_t last = 0;
  float share = 0;
};

std::vector<Span1D> SpansFor(int64_t in, int64_t out, MaskResize method) {
  std::vector<Span1D> spans;
  for (int64_t i = 0; i < out; ++i) {
    Span1D span;
    switch (method) {
      case MaskResize::kNearest: {
        // In float, as torch computes it.
        const float scale = static_cast<float>(in) / static_cast<float>(out);
        span.first = std::min(static_cast<int64_t>(static_cast<float>(i) * scale), in - 1);
        span.last = span.first;
        break;
      }
      case MaskResize::kArea:
        span.first = i * in / out;
        span.last = ((i + 1) * in + out - 1) / out - 1;
        break;
      case MaskResize::kBilinear: {
        const float scale = static_cast<float>(in) / static_cast<float>(out);
        const float at = std::max((static_cast<float>(i) + 0.5f) * scale - 0.5f, 0.0f);
        span.first = std::min(static_cast<int64_t>(at), in - 1);
        span.last = std::min(span.first + 1, in - 1);
        span.share = at - static_cast<float>(span.first);
        break;
      }
    }
    spans.push_back(span);
  }
  return spans;
}

float MeanOf(const float* plane, int64_t width, const Span1D& rows, const Span1D& columns) {
  float sum = 0;
  for (int64_t y = rows.first; y <= rows.last; ++y) {
    for (int64_t x = columns.first; x <= columns.last; ++x) sum += plane[y * width + x];
  }
  return sum /
         static_cast<float>((rows.last - rows.first + 1) * (columns.last - columns.first + 1));
}

float BlendOf(const float* plane, int64_t width, const Span1D& rows, const Span1D& columns) {
  const auto along = [&](int64_t y) {
    const float* row = plane + y * width;
    return (1.0f - columns.share) * row[columns.first] + columns.share * row[columns.last];
  };
  return (1.0f - rows.share) * along(rows.first) + rows.share * along(rows.last);
}

}  // namespace

absl::Span<const absl::string_view> MaskResizeNames() { return kNames; }

MaskResize MaskResizeFromName(absl::string_view name) {
  const auto it = std::find(kNames.begin(), kNames.end(), name);
  return it != kNames.end() ? static_cast<MaskResize>(it - kNames.begin()) : MaskResize::kNearest;
}

absl::StatusOr<Tensor> ResizeMask(const Tensor& mask, int64_t height, int64_t width,
                                  MaskResize method, const Allocator& allocator) {
  WEFT_RETURN_IF_ERROR(CheckMask(mask));
  if (height < 1 || width < 1) {
    return Invalid("cannot resize a mask to ", width, " × ", height);
  }
  if (mask.dim(1) == height && mask.dim(2) == width) return mask;
  WEFT_ASSIGN_OR_RETURN(Tensor resized, Tensor::Allocate(allocator, DType::kF32,
                                                         Shape{mask.dim(0), height, width, 1}));
  if (resized.is_meta() || mask.is_meta()) return resized;
  const std::vector<Span1D> rows = SpansFor(mask.dim(1), height, method);
  const std::vector<Span1D> columns = SpansFor(mask.dim(2), width, method);
  float* to = resized.mutable_data<float>();
  for (int64_t b = 0; b < mask.dim(0); ++b) {
    const float* plane = mask.data<float>() + b * mask.dim(1) * mask.dim(2);
    for (const Span1D& row : rows) {
      for (const Span1D& column : columns) {
        *to++ = method == MaskResize::kBilinear ? BlendOf(plane, mask.dim(2), row, column)
                                                : MeanOf(plane, mask.dim(2), row, column);
      }
    }
  }
  return resized;
}

}  // namespace weft
