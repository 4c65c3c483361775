#ifndef WEFT_NODES_TEXT_CONDITIONING_MATH_H_
#define WEFT_NODES_TEXT_CONDITIONING_MATH_H_

#include "absl/status/statusor.h"
#include "runtime/tensor/tensor.h"

namespace weft {

// The hidden states of two encoders side by side: [b, n, v] and [b, m, w] → [b, max(n, m), v + w],
// f32. The one with fewer chunks says its last one again.
absl::StatusOr<Tensor> JoinWidths(const Tensor& first, const Tensor& second,
                                  const Allocator& allocator);

// Nought in the shape of x, f32; an empty tensor for an empty one.
absl::StatusOr<Tensor> ZerosLike(const Tensor& x, const Allocator& allocator);

}  // namespace weft

#endif  // WEFT_NODES_TEXT_CONDITIONING_MATH_H_
