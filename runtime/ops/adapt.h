#ifndef WEFT_RUNTIME_OPS_ADAPT_H_
#define WEFT_RUNTIME_OPS_ADAPT_H_

#include "absl/status/statusor.h"
#include "runtime/backend/backend.h"
#include "runtime/weights/weight_adapter.h"

namespace weft {

// The data of a weight as it is packed: the stored tensor, or in f32 the sum of it and its merged
// adapters. In a dry run its shape alone, with the memory that the sum would take meanwhile.
absl::StatusOr<Tensor> ReadAdapted(const Weight& weight, Backend& backend,
                                   const Allocator& allocator);

// base + scale · Δ, or what the adapter's magnitudes make of that; base and result [rows, columns]
// f32, the base's memory becoming the result's where this holds its last reference. `kernel`: k·k
// of a convolution, 1 of a matrix.
absl::StatusOr<Tensor> Adapted(Tensor base, const WeightAdapter& adapter, int64_t kernel,
                               Backend& backend, const Allocator& allocator);

// The factors of a product in f32: up [rows, rank], down [rank, columns], a core folded into down.
struct LowRankFactors {
  Tensor up;
  Tensor down;
};
absl::StatusOr<LowRankFactors> ReadFactors(const AdapterMatrix& matrix, Device device,
                                           const Allocator& allocator);

}  // namespace weft

#endif  // WEFT_RUNTIME_OPS_ADAPT_H_
