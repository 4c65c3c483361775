#ifndef WEFT_RUNTIME_TENSOR_FINITE_H_
#define WEFT_RUNTIME_TENSOR_FINITE_H_

#include <cstddef>
#include <cstdint>

#include "runtime/tensor/dtype.h"

namespace weft {

// The position of the first NaN or infinite value of `count`, or -1. Integer types have none. By
// the calling thread alone; the values may lie at any address.
int64_t FirstNonFinite(const std::byte* data, DType dtype, int64_t count);

}  // namespace weft

#endif  // WEFT_RUNTIME_TENSOR_FINITE_H_
