#ifndef WEFT_RUNTIME_BACKEND_CPU_KERNELS_NEAREST_ROWS_H_
#define WEFT_RUNTIME_BACKEND_CPU_KERNELS_NEAREST_ROWS_H_

#include <cstdint>

#include "absl/types/span.h"
#include "runtime/tensor/dtype.h"

namespace weft::cpu {

// For each row `from` of x [rows, width] which of the rows `among` has the largest cosine with it.
struct NearestRowsCall {
  const void* x = nullptr;
  DType dtype = DType::kF32;  // or bf16
  int64_t width = 0;
  absl::Span<const int32_t> from;
  absl::Span<const int32_t> among;
  int32_t* index = nullptr;    // [from]: places in `among`; of equals the first
  float* cosine = nullptr;     // [from]
  float* panels = nullptr;     // NearestRowsPanels values
  float* workspace = nullptr;  // NearestRowsWorkspace for each of `threads`
  int threads = 1;
};

// The rows that others are compared with lie side by side in panels of so many; so many of the
// others make a task.
inline constexpr int64_t kNearestPanel = 32;
inline constexpr int64_t kNearestTask = 96;
constexpr int64_t NearestRowsPanels(int64_t among, int64_t width) {
  return (among + kNearestPanel - 1) / kNearestPanel * kNearestPanel * width;
}
// A task's rows, and for each the largest cosines of a panel's columns and where they were found.
constexpr int64_t NearestRowsWorkspace(int64_t width) {
  return kNearestTask * (width + 2 * kNearestPanel);
}

// Sums are in f32, in the order of the columns. A row of zeros is as far from all as can be: its
// cosines are 0.
void NearestRows(const NearestRowsCall& call);

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_KERNELS_NEAREST_ROWS_H_
