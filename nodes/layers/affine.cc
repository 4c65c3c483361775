#include "nodes/layers/affine.h"

#include <utility>

namespace weft {
namespace {

Tensor NewLike(Ops& ops, const Tensor& x) {
  if (!ops.status().ok()) return {};
  absl::StatusOr<Tensor> result = Tensor::Allocate(ops.allocator(), DType::kF32, x.shape());
  if (result.ok()) return *std::move(result);
  ops.Fail(std::move(result).status());
  return {};
}

void AffineRow(const float* from, float* to, int64_t count, double scale, double shift) {
  const auto a = static_cast<float>(scale);
  const auto b = static_cast<float>(shift);
  for (int64_t i = 0; i < count; ++i) to[i] = from[i] * a + b;
}

}  // namespace

Tensor Affine(Ops& ops, const Tensor& x, double scale, double shift) {
  Tensor result = NewLike(ops, x);
  if (!result || result.is_meta()) return result;
  AffineRow(x.data<float>(), result.mutable_data<float>(), x.numel(), scale, shift);
  return result;
}

Tensor AffineChannels(Ops& ops, const Tensor& x, absl::Span<const double> scales,
                      absl::Span<const double> shifts) {
  Tensor result = NewLike(ops, x);
  if (!result || result.is_meta()) return result;
  const int64_t pixels = x.shape().inner(2);
  for (int64_t plane = 0; plane < x.shape().outer(2); ++plane) {
    const auto channel = static_cast<size_t>(plane % x.dim(1));
    AffineRow(x.data<float>() + plane * pixels, result.mutable_data<float>() + plane * pixels,
              pixels, scales[channel], shifts[channel]);
  }
  return result;
}

}  // namespace weft
