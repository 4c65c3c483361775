#include "nodes/text/conditioning_math.h"

#include <algorithm>

#include "runtime/base/status_macros.h"

namespace weft {

absl::StatusOr<Tensor> JoinWidths(const Tensor& first, const Tensor& second,
                                  const Allocator& allocator) {
  if (first.rank() != 3 || second.rank() != 3 || first.dim(0) != second.dim(0) ||
      first.dim(1) != second.dim(1)) {
    return Invalid("hidden states ", first.shape().ToString(), " and ", second.shape().ToString(),
                   " are not of equally many texts and tokens");
  }
  const int64_t left = first.dim(2);
  const int64_t right = second.dim(2);
  WEFT_ASSIGN_OR_RETURN(
      Tensor joined,
      Tensor::Allocate(allocator, DType::kF32, {first.dim(0), first.dim(1), left + right}));
  if (joined.is_meta() || first.is_meta() || second.is_meta()) return joined;
  float* to = joined.mutable_data<float>();
  for (int64_t i = 0; i < first.dim(0) * first.dim(1); ++i) {
    to = std::copy_n(first.data<float>() + i * left, left, to);
    to = std::copy_n(second.data<float>() + i * right, right, to);
  }
  return joined;
}

absl::StatusOr<Tensor> ZerosLike(const Tensor& x, const Allocator& allocator) {
  if (x.empty()) return x;
  WEFT_ASSIGN_OR_RETURN(Tensor zeros, Tensor::Allocate(allocator, DType::kF32, x.shape()));
  if (!zeros.is_meta()) std::fill_n(zeros.mutable_data<float>(), zeros.numel(), 0.0f);
  return zeros;
}

}  // namespace weft
