#include "nodes/image/resample.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <type_traits>
#include <vector>

#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr std::array<absl::string_view, 5> kNames = {"nearest", "box", "bilinear", "bicubic",
                                                     "lanczos"};

double Sinc(double x) {
  return x == 0.0 ? 1.0 : std::sin(x * std::numbers::pi) / (x * std::numbers::pi);
}

// How far a filter reaches, in pixels of the larger grid.
double Reach(Filter filter) {
  switch (filter) {
    case Filter::kBilinear:
      return 1.0;
    case Filter::kBicubic:
      return 2.0;
    case Filter::kLanczos:
      return 3.0;
    default:
      return 0.5;
  }
}

double Weigh(Filter filter, double x) {
  const double distance = std::abs(x);
  switch (filter) {
    case Filter::kBilinear:
      return distance < 1.0 ? 1.0 - distance : 0.0;
    case Filter::kBicubic: {
      constexpr double a = -0.5;  // Keys' cubic convolution
      if (distance < 1.0) return ((a + 2.0) * distance - (a + 3.0)) * distance * distance + 1.0;
      if (distance < 2.0) {
        return (((distance - 5.0) * distance + 8.0) * distance - 4.0) * a;
      }
      return 0.0;
    }
    case Filter::kLanczos:
      return distance < 3.0 ? Sinc(x) * Sinc(x / 3.0) : 0.0;
    default:
      return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
  }
}

// For each output position: the first input position it sees, and the weights from there on.
struct Taps {
  std::vector<int64_t> first;
  std::vector<int64_t> count;
  std::vector<double> weights;  // `most` for each output position
  int64_t most = 1;
};

Taps TapsFor(int64_t in, int64_t out, Filter filter) {
  Taps taps;
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  if (filter == Filter::kNearest) {
    for (int64_t i = 0; i < out; ++i) {
      const auto at = static_cast<int64_t>((static_cast<double>(i) + 0.5) * scale);
      taps.first.push_back(std::min(at, in - 1));
    }
    taps.count.assign(static_cast<size_t>(out), 1);
    taps.weights.assign(static_cast<size_t>(out), 1.0);
    return taps;
  }
  const double stretch = std::max(scale, 1.0);
  const double reach = Reach(filter) * stretch;
  taps.most = static_cast<int64_t>(std::ceil(reach)) * 2 + 1;
  taps.weights.assign(static_cast<size_t>(out * taps.most), 0.0);
  for (int64_t i = 0; i < out; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    // Truncation, as PIL does it: both ends are rounded to the nearest pixel border.
    const int64_t first = std::max<int64_t>(static_cast<int64_t>(centre - reach + 0.5), 0);
    const int64_t end = std::min<int64_t>(static_cast<int64_t>(centre + reach + 0.5), in);
    double* weights = taps.weights.data() + i * taps.most;
    double sum = 0.0;
    for (int64_t k = 0; k < end - first; ++k) {
      weights[k] = Weigh(filter, (static_cast<double>(k + first) - centre + 0.5) / stretch);
      sum += weights[k];
    }
    for (int64_t k = 0; k < end - first && sum != 0.0; ++k) weights[k] /= sum;
    taps.first.push_back(first);
    taps.count.push_back(end - first);
  }
  return taps;
}

// u8 in PIL's fixed point: 8 bits of value, 2 of headroom for the filters' overshoot.
constexpr int kFractionBits = 32 - 8 - 2;

struct FixedPoint {
  using Value = uint8_t;
  using Weight = int32_t;
  using Sum = int32_t;
  static Weight FromDouble(double weight) {
    return static_cast<Weight>(weight * (1 << kFractionBits) + (weight < 0 ? -0.5 : 0.5));
  }
  static Sum Start() { return 1 << (kFractionBits - 1); }
  static Value Finish(Sum sum) {
    return static_cast<Value>(std::clamp<int32_t>(sum >> kFractionBits, 0, 255));
  }
};
struct FloatingPoint {
  using Value = float;
  using Weight = double;
  using Sum = double;
  static Weight FromDouble(double weight) { return weight; }
  static Sum Start() { return 0.0; }
  static Value Finish(Sum sum) { return static_cast<Value>(sum); }
};

// Along the middle axis of [outer, n, inner].
template <typename Arithmetic>
void ResampleAxis(const typename Arithmetic::Value* from, typename Arithmetic::Value* to,
                  int64_t outer, int64_t n, int64_t inner, const Taps& taps) {
  std::vector<typename Arithmetic::Weight> weights;
  weights.reserve(taps.weights.size());
  for (const double weight : taps.weights) weights.push_back(Arithmetic::FromDouble(weight));
  const auto out = static_cast<int64_t>(taps.first.size());
  std::vector<typename Arithmetic::Sum> sums(static_cast<size_t>(inner));
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < out; ++i) {
      const auto* source = from + (o * n + taps.first[static_cast<size_t>(i)]) * inner;
      const auto* weight = weights.data() + i * taps.most;
      std::fill(sums.begin(), sums.end(), Arithmetic::Start());
      for (int64_t k = 0; k < taps.count[static_cast<size_t>(i)]; ++k, source += inner) {
        for (int64_t j = 0; j < inner; ++j) {
          sums[static_cast<size_t>(j)] += source[j] * weight[k];
        }
      }
      for (int64_t j = 0; j < inner; ++j) {
        to[(o * out + i) * inner + j] = Arithmetic::Finish(sums[static_cast<size_t>(j)]);
      }
    }
  }
}

template <typename Arithmetic>
absl::StatusOr<Tensor> ResampleBoth(Tensor image, int64_t height, int64_t width, Filter filter,
                                    const Allocator& allocator) {
  using Value = typename Arithmetic::Value;
  const int64_t batch = image.dim(0), channels = image.dim(3);
  if (const int64_t in = image.dim(2); in != width) {
    WEFT_ASSIGN_OR_RETURN(
        Tensor wide,
        Tensor::Allocate(allocator, image.dtype(), Shape{batch, image.dim(1), width, channels}));
    ResampleAxis<Arithmetic>(image.data<Value>(), wide.mutable_data<Value>(), batch * image.dim(1),
                             in, channels, TapsFor(in, width, filter));
    image = std::move(wide);
  }
  if (const int64_t in = image.dim(1); in != height) {
    WEFT_ASSIGN_OR_RETURN(Tensor tall, Tensor::Allocate(allocator, image.dtype(),
                                                        Shape{batch, height, width, channels}));
    ResampleAxis<Arithmetic>(image.data<Value>(), tall.mutable_data<Value>(), batch, in,
                             width * channels, TapsFor(in, height, filter));
    image = std::move(tall);
  }
  return image;
}

}  // namespace

absl::Span<const absl::string_view> FilterNames() { return kNames; }

Filter FilterFromName(absl::string_view name) {
  const auto it = std::find(kNames.begin(), kNames.end(), name);
  return it != kNames.end() ? static_cast<Filter>(it - kNames.begin()) : Filter::kLanczos;
}

absl::StatusOr<Tensor> Resample(const Tensor& image, int64_t height, int64_t width, Filter filter,
                                const Allocator& allocator) {
  if (image.rank() != 4 || image.numel() == 0 || height < 1 || width < 1) {
    return Invalid("cannot resize ", image.shape().ToString(), " to ", width, " × ", height);
  }
  if (image.is_meta()) {
    return Tensor::Allocate(allocator, image.dtype(),
                            Shape{image.dim(0), height, width, image.dim(3)});
  }
  switch (image.dtype()) {
    case DType::kU8:
      return ResampleBoth<FixedPoint>(image, height, width, filter, allocator);
    case DType::kF32:
      return ResampleBoth<FloatingPoint>(image, height, width, filter, allocator);
    default:
      return Invalid("cannot resize a picture of ", Name(image.dtype()), "; expected u8 or f32");
  }
}

}  // namespace weft
