#ifndef WEFT_RUNTIME_BACKEND_NEAREST_ROWS_H_
#define WEFT_RUNTIME_BACKEND_NEAREST_ROWS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/tensor/tensor.h"

namespace weft {

// For each of some rows the one most like it among others.
struct NearestRow {
  Tensor index;   // [batch, from] i32: places in the list of the others
  Tensor cosine;  // [batch, from] f32
};

// For each row `from` of x [batch, rows, width], f32 or bf16, which of the rows `among` has the
// largest cosine with it; of equals the first. Errors: no memory, or x is on a device that cannot.
absl::StatusOr<NearestRow> NearestRows(const Tensor& x, absl::Span<const int32_t> from,
                                       absl::Span<const int32_t> among, const Allocator& allocator);

}  // namespace weft

#endif  // WEFT_RUNTIME_BACKEND_NEAREST_ROWS_H_
