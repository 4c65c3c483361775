#include "nodes/text/conditioning_math.h"

#include <algorithm>
#include <numeric>

#include "runtime/base/status_macros.h"

namespace weft {

namespace {

// Which of `count` tokens stands at place i: behind the last, those of the last chunk again.
int64_t TokenAt(int64_t i, int64_t count, int64_t chunk) {
  return i < count ? i : count - chunk + (i - count) % chunk;
}

}  // namespace

absl::StatusOr<Tensor> JoinWidths(const Tensor& first, const Tensor& second,
                                  const Allocator& allocator) {
  if (first.rank() != 3 || second.rank() != 3 || first.dim(0) != second.dim(0) ||
      first.numel() == 0 || second.numel() == 0) {
    return Invalid("hidden states ", first.shape().ToString(), " and ", second.shape().ToString(),
                   " are not of equally many texts");
  }
  const int64_t left = first.dim(2);
  const int64_t right = second.dim(2);
  const int64_t tokens = std::max(first.dim(1), second.dim(1));
  // Both are whole chunks, so that what both can be divided by is one or more of them.
  const int64_t chunk = std::gcd(first.dim(1), second.dim(1));
  WEFT_ASSIGN_OR_RETURN(Tensor joined, Tensor::Allocate(allocator, DType::kF32,
                                                        {first.dim(0), tokens, left + right}));
  if (joined.is_meta() || first.is_meta() || second.is_meta()) return joined;
  float* to = joined.mutable_data<float>();
  for (int64_t b = 0; b < first.dim(0); ++b) {
    for (int64_t i = 0; i < tokens; ++i) {
      const int64_t of_first = b * first.dim(1) + TokenAt(i, first.dim(1), chunk);
      const int64_t of_second = b * second.dim(1) + TokenAt(i, second.dim(1), chunk);
      to = std::copy_n(first.data<float>() + of_first * left, left, to);
      to = std::copy_n(second.data<float>() + of_second * right, right, to);
    }
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
