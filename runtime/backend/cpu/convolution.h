#ifndef WEFT_RUNTIME_BACKEND_CPU_CONVOLUTION_H_
#define WEFT_RUNTIME_BACKEND_CPU_CONVOLUTION_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/backend/backend.h"

namespace weft::cpu {

// See Backend::PackConv and Backend::Conv2d. `in_parts`: see Backend::PackConvForOneUse.
absl::StatusOr<std::shared_ptr<const Packed>> PackConvolution(
    const ConvSpec& spec, const Tensor& weight, const Tensor& bias,
    absl::Span<const Tensor> sources, DType compute, bool in_parts, const Allocator& allocator);
absl::StatusOr<Tensor> RunConvolution(const Packed& packed, absl::Span<const Tensor> sources,
                                      Epilogue epilogue, const Allocator& allocator);

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_CONVOLUTION_H_
