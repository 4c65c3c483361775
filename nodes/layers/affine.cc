#include "nodes/layers/affine.h"

#include <utility>

namespace weft {

Tensor Affine(Ops& ops, const Tensor& x, double scale, double shift) {
  if (!ops.status().ok()) return {};
  absl::StatusOr<Tensor> result = Tensor::Allocate(ops.allocator(), DType::kF32, x.shape());
  if (!result.ok()) {
    ops.Fail(std::move(result).status());
    return {};
  }
  if (result->is_meta()) return *std::move(result);
  const auto a = static_cast<float>(scale);
  const auto b = static_cast<float>(shift);
  const float* from = x.data<float>();
  float* to = result->mutable_data<float>();
  const int64_t count = x.numel();
  for (int64_t i = 0; i < count; ++i) to[i] = from[i] * a + b;
  return *std::move(result);
}

}  // namespace weft
