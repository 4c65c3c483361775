#ifndef WEFT_RUNTIME_BACKEND_CPU_LINEAR_H_
#define WEFT_RUNTIME_BACKEND_CPU_LINEAR_H_

#include <memory>

#include "absl/status/statusor.h"
#include "runtime/backend/backend.h"

namespace weft::cpu {

// See Backend::PackLinear and Backend::Linear.
absl::StatusOr<std::shared_ptr<const Packed>> PackLinear(const Tensor& weight, const Tensor& bias,
                                                         bool gated, const Tensor& x, DType compute,
                                                         const Allocator& allocator);
absl::StatusOr<Tensor> RunLinear(const Packed& packed, const Tensor& x, Epilogue epilogue,
                                 const Allocator& allocator);

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_LINEAR_H_
