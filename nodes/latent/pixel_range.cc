#include "nodes/latent/pixel_range.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace weft {
namespace {

Tensor Allocate(Ops& ops, Shape shape, DType dtype = DType::kF32) {
  if (!ops.status().ok()) return {};
  absl::StatusOr<Tensor> result = Tensor::Allocate(ops.allocator(), dtype, std::move(shape));
  if (result.ok()) return *std::move(result);
  ops.Fail(std::move(result).status());
  return {};
}

}  // namespace

Tensor ToNetworkRange(Ops& ops, const Tensor& image) {
  Tensor result = Allocate(ops, image.shape());
  if (!result || result.is_meta()) return result;
  float* to = result.mutable_data<float>();
  const int64_t count = image.numel();
  if (image.dtype() == DType::kU8) {
    const uint8_t* from = image.data<uint8_t>();
    for (int64_t i = 0; i < count; ++i)
      to[i] = 2.0f * (static_cast<float>(from[i]) / 255.0f) - 1.0f;
  } else {
    const float* from = image.data<float>();
    for (int64_t i = 0; i < count; ++i) to[i] = 2.0f * from[i] - 1.0f;
  }
  return result;
}

Tensor ToImageRange(Ops& ops, Tensor x) {
  if (!ops.status().ok() || x.is_meta()) return x;
  Tensor result = x.unique() ? std::move(x) : Allocate(ops, x.shape());
  if (!result) return {};
  const float* from = x ? x.data<float>() : result.data<float>();
  float* to = result.mutable_data<float>();
  const int64_t count = result.numel();
  for (int64_t i = 0; i < count; ++i) {
    to[i] = std::min(1.0f, std::max(0.0f, from[i] * 0.5f + 0.5f));
  }
  return result;
}

Tensor ToBytes(Ops& ops, const Tensor& x) {
  Tensor result = Allocate(ops, x.shape(), DType::kU8);
  if (!result || result.is_meta()) return result;
  const float* from = x.data<float>();
  uint8_t* to = result.mutable_data<uint8_t>();
  for (int64_t i = 0; i < x.numel(); ++i) {
    const float unit = std::clamp(from[i] * 0.5f + 0.5f, 0.0f, 1.0f);
    to[i] = static_cast<uint8_t>(std::lround(unit * 255.0f));
  }
  return result;
}

Tensor SampleGaussian(Ops& ops, const Tensor& moments, Rng* rng) {
  if (!ops.status().ok()) return {};
  const int64_t channels = moments.dim(1) / 2;
  Tensor result = Allocate(ops, {moments.dim(0), channels, moments.dim(2), moments.dim(3)});
  if (!result || result.is_meta()) return result;
  const absl::Span<float> draws(result.mutable_data<float>(), static_cast<size_t>(result.numel()));
  if (rng != nullptr) rng->Normal(draws);
  const int64_t count = result.shape().inner(1);  // numbers of one picture
  for (int64_t b = 0; b < result.dim(0); ++b) {
    const float* mean = moments.data<float>() + b * 2 * count;
    const float* logvar = mean + count;
    float* to = result.mutable_data<float>() + b * count;
    for (int64_t i = 0; i < count; ++i) {
      const float deviation = std::exp(0.5f * std::clamp(logvar[i], -30.0f, 20.0f));
      to[i] = rng != nullptr ? mean[i] + deviation * to[i] : mean[i];
    }
  }
  return result;
}

}  // namespace weft
