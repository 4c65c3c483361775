#ifndef WEFT_RUNTIME_BACKEND_NEAREST_ROWS_H_
#define WEFT_RUNTIME_BACKEND_NEAREST_ROWS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/backend/backend.h"

namespace weft {

// Backend::NearestRows on the CPU; for an x without memory, what that takes. x is f32 or bf16.
absl::StatusOr<NearestRow> FindNearestRows(const Tensor& x, absl::Span<const int32_t> from,
                                           absl::Span<const int32_t> among,
                                           const Allocator& allocator);

}  // namespace weft

#endif  // WEFT_RUNTIME_BACKEND_NEAREST_ROWS_H_
