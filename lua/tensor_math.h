#ifndef WEFT_LUA_TENSOR_MATH_H_
#define WEFT_LUA_TENSOR_MATH_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/tensor/tensor.h"

namespace weft {

// Arithmetic for scripts: any tensors in, f32 out, every size checked. Dimensions count from 0
// here, from the end if negative.

// The shape that two come to: as numpy broadcasts, aligned at their ends, an extent of 1 goes with
// any.
absl::StatusOr<Shape> Broadcast(const Shape& a, const Shape& b);
absl::StatusOr<Tensor> Combine(const Tensor& a, const Tensor& b,
                               absl::FunctionRef<float(float, float)> f);
absl::StatusOr<Tensor> Map(const Tensor& t, absl::FunctionRef<float(float)> f);

enum class Reduction { kSum, kMean, kMin, kMax, kStd };  // kStd divides by n - 1, as torch does
absl::StatusOr<double> Reduce(const Tensor& t, Reduction how);
// Over one dimension, which goes away.
absl::StatusOr<Tensor> ReduceDim(const Tensor& t, Reduction how, int64_t dim);

// These keep the dtype.
// Places first..last of a dimension, both from 0 and in it.
absl::StatusOr<Tensor> Slice(const Tensor& t, int64_t dim, int64_t first, int64_t last);
// `order` names the dimensions of `t` that become those of the result.
absl::StatusOr<Tensor> Permute(const Tensor& t, absl::Span<const int64_t> order);
// What leaves at one end comes in at the other.
absl::StatusOr<Tensor> Roll(const Tensor& t, int64_t dim, int64_t shift);
absl::StatusOr<Tensor> Concat(absl::Span<const Tensor> tensors, int64_t dim);
// One extent may be -1: what is left.
absl::StatusOr<Tensor> Reshape(const Tensor& t, std::vector<int64_t> dims);

absl::StatusOr<Tensor> Full(absl::Span<const int64_t> dims, float value);

// The dimension that `dim` means, from 0, or an error.
absl::StatusOr<int> CheckDim(const Tensor& t, int64_t dim);
// The tensor as f32; an error where there is none or it has no memory.
absl::StatusOr<Tensor> AsF32(const Tensor& t);

}  // namespace weft

#endif  // WEFT_LUA_TENSOR_MATH_H_
