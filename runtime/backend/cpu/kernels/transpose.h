#ifndef WEFT_RUNTIME_BACKEND_CPU_KERNELS_TRANSPOSE_H_
#define WEFT_RUNTIME_BACKEND_CPU_KERNELS_TRANSPOSE_H_

#include <cstddef>
#include <cstdint>

namespace weft::cpu {

// Rows that are transposed together: their words fill a cache line.
inline constexpr int64_t kTransposedRows = 16;

// Word w (of 32 bits) of row r goes to lines[w · line + r]. Rows lie `stride` bytes apart, at any
// address. By fours: where `words` is no multiple of 4, up to 3 words behind it are read of each
// row, and as many lines written.
void TransposeWords(const std::byte* rows, int64_t stride, int64_t words, uint32_t* lines,
                    int64_t line);

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_KERNELS_TRANSPOSE_H_
