#include "nodes/sampling/latent_math.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// The value at `ratio` of the way through the sorted values, between two neighbours by a straight
// line (torch.quantile).
double Quantile(std::vector<float>& values, double ratio) {
  // torch holds the ratio in f32.
  const double rank =
      static_cast<double>(static_cast<float>(ratio)) * static_cast<double>(values.size() - 1);
  const size_t below = std::min(static_cast<size_t>(rank), values.size() - 1);
  const auto unordered = [](float value) { return std::isnan(value); };
  if (std::any_of(values.begin(), values.end(), unordered)) {
    return std::numeric_limits<double>::quiet_NaN();  // as in torch; it has no place in an order
  }
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(values.begin(), middle, values.end());
  const double low = *middle;
  if (below + 1 == values.size()) return low;
  const double high = *std::min_element(middle + 1, values.end());
  return low + (high - low) * (rank - static_cast<double>(below));
}

}  // namespace

// False once an error sticks. All tensors must be f32, of one shape and on one device.
bool LatentMath::Proceed(std::initializer_list<const Tensor*> tensors) {
  if (!status_.ok()) return false;
  const Tensor& first = **tensors.begin();
  for (const Tensor* tensor : tensors) {
    if (tensor->empty() || tensor->dtype() != DType::kF32) {
      Fail(Invalid("expects f32 tensors, not ",
                   tensor->empty() ? "an empty one" : Name(tensor->dtype())));
    } else if (!(tensor->shape() == first.shape())) {
      Fail(Invalid("shapes differ: ", first.shape().ToString(), " and ",
                   tensor->shape().ToString()));
    } else if (tensor->is_meta() != (allocator_.device() == Device::kMeta)) {
      Fail(absl::InternalError("a tensor of a dry run meets one of a real run"));
    }
  }
  return status_.ok();
}

Tensor LatentMath::New(const Shape& shape) {
  absl::StatusOr<Tensor> tensor = Tensor::Allocate(allocator_, DType::kF32, shape);
  if (tensor.ok()) return *std::move(tensor);
  Fail(tensor.status());
  return Tensor();
}

Tensor LatentMath::Sum(absl::Span<const Term> terms) {
  for (const Term& term : terms) {
    if (!Proceed({&terms.front().tensor, &term.tensor})) return Tensor();
  }
  Tensor sum = New(terms.front().tensor.shape());
  if (sum.empty() || sum.is_meta()) return sum;
  float* out = sum.mutable_data<float>();
  constexpr int64_t kTile = 512;
  double tile[kTile];
  for (int64_t begin = 0; begin < sum.numel(); begin += kTile) {
    const int64_t count = std::min(kTile, sum.numel() - begin);
    std::fill_n(tile, count, 0.0);
    for (const Term& term : terms) {
      const float* in = term.tensor.data<float>() + begin;
      for (int64_t i = 0; i < count; ++i) tile[i] += term.factor * static_cast<double>(in[i]);
    }
    for (int64_t i = 0; i < count; ++i) out[begin + i] = static_cast<float>(tile[i]);
  }
  return sum;
}

template <typename F>
Tensor LatentMath::Map(const Tensor& x, const Tensor& y, F f) {
  if (!Proceed({&x, &y})) return Tensor();
  Tensor result = New(x.shape());
  if (result.empty() || result.is_meta()) return result;
  float* out = result.mutable_data<float>();
  for (int64_t i = 0; i < x.numel(); ++i) {
    out[i] = static_cast<float>(f(x.data<float>()[i], y.data<float>()[i]));
  }
  return result;
}

Tensor LatentMath::Clamp(const Tensor& x, double limit) {
  return Map(x, x, [limit](double value, double) { return std::clamp(value, -limit, limit); });
}

Tensor LatentMath::ScaleByLogVariance(const Tensor& x, const Tensor& position, double low,
                                      double high) {
  return Map(x, position, [low, high](double value, double at) {
    const double share = (at + 1.0) / 2.0;
    return value * std::exp(0.5 * (share * high + (1.0 - share) * low));
  });
}

Tensor LatentMath::ScaleByVariance(const Tensor& x, const Tensor& variance) {
  return Map(x, variance, [](double value, double v) { return value * std::sqrt(v); });
}

Tensor LatentMath::Threshold(const Tensor& x, double ratio, double max) {
  if (!Proceed({&x})) return Tensor();
  Tensor result = New(x.shape());
  if (result.empty() || result.is_meta() || result.numel() == 0) return result;
  const size_t count = static_cast<size_t>(x.shape().inner(1));  // of one picture
  std::vector<float> magnitudes(count);
  for (int64_t picture = 0; picture < x.dim(0); ++picture) {
    const float* in = x.data<float>() + static_cast<size_t>(picture) * count;
    float* out = result.mutable_data<float>() + static_cast<size_t>(picture) * count;
    for (size_t i = 0; i < count; ++i) magnitudes[i] = std::abs(in[i]);
    const double limit = std::min(std::max(Quantile(magnitudes, ratio), 1.0), max);
    for (size_t i = 0; i < count; ++i) {
      out[i] = static_cast<float>(std::clamp(static_cast<double>(in[i]), -limit, limit) / limit);
    }
  }
  return result;
}

Tensor LatentMath::Normal(Rng& rng, const Tensor& like) {
  if (!Proceed({&like})) return Tensor();
  Tensor noise = New(like.shape());
  if (noise.empty() || noise.is_meta()) return noise;
  rng.Normal(absl::MakeSpan(noise.mutable_data<float>(), static_cast<size_t>(noise.numel())));
  return noise;
}

Tensor LatentMath::Channels(const Tensor& x, int64_t begin, int64_t end) {
  if (!Proceed({&x})) return Tensor();
  if (x.rank() != 4 || begin < 0 || end > x.dim(1) || begin > end) {
    Fail(Invalid("there are no channels ", begin, "..", end, " in ", x.shape().ToString()));
    return Tensor();
  }
  Tensor part = New(Shape({x.dim(0), end - begin, x.dim(2), x.dim(3)}));
  if (part.empty() || part.is_meta()) return part;
  const int64_t plane = x.shape().inner(2);
  for (int64_t picture = 0; picture < x.dim(0); ++picture) {
    const float* in = x.data<float>() + (picture * x.dim(1) + begin) * plane;
    std::copy_n(in, (end - begin) * plane,
                part.mutable_data<float>() + picture * (end - begin) * plane);
  }
  return part;
}

}  // namespace weft
