#ifndef WEFT_RUNTIME_BACKEND_CPU_INT8_LAYERS_H_
#define WEFT_RUNTIME_BACKEND_CPU_INT8_LAYERS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "runtime/backend/backend.h"

namespace weft::cpu {

// See Backend::PackConvInt8; the result is run by RunInt8Convolution.
absl::StatusOr<std::shared_ptr<const Packed>> PackInt8Convolution(
    const ConvSpec& spec, const Tensor& weight, const Tensor& bias, const Int8Input& input,
    absl::Span<const Tensor> sources, DType compute, const Allocator& allocator);
// Whether RunInt8Convolution is to run it.
bool IsInt8Convolution(const Packed& packed);
absl::StatusOr<Tensor> RunInt8Convolution(const Packed& packed, absl::Span<const Tensor> sources,
                                          Epilogue epilogue, const Allocator& allocator);

// See Backend::PackLinearInt8.
absl::StatusOr<std::shared_ptr<const Packed>> PackInt8Linear(const Tensor& weight,
                                                             const Tensor& bias, bool gated,
                                                             const Int8Input& input, DType compute,
                                                             const Allocator& allocator);
bool IsInt8Linear(const Packed& packed);
absl::StatusOr<Tensor> RunInt8Linear(const Packed& packed, const Tensor& x, Epilogue epilogue,
                                     const Allocator& allocator);

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_INT8_LAYERS_H_
