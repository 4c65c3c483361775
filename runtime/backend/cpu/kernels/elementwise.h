#ifndef WEFT_RUNTIME_BACKEND_CPU_KERNELS_ELEMENTWISE_H_
#define WEFT_RUNTIME_BACKEND_CPU_KERNELS_ELEMENTWISE_H_

#include <cstdint>

#include "runtime/backend/backend.h"

namespace weft::cpu {

// Kernels over `count` elements of type f32 or bf16, by the whole team. `y` may be `x`.
void Activate(const void* x, void* y, DType dtype, int64_t count, Activation activation);
void Add(const void* a, const void* b, void* y, DType dtype, int64_t count);
// From f32, bf16 or f16 to f32 or bf16, fast; other pairs as ConvertElements does it.
void Convert(const void* from, DType from_type, void* to, DType to_type, int64_t count);
void ConvertOnThisThread(const void* from, DType from_type, void* to, DType to_type, int64_t count);

// sum[i] = Σ_r factors[r] · rows[r][i], in the order of the rows [count, width]. By the calling
// thread alone.
void SumRows(const float* rows, int64_t count, int64_t width, const float* factors, float* sum);

// target[r · width + c] = row[c] for each of `rows` rows.
void FillRows(const float* row, int64_t width, float* target, int64_t rows);

// [channels, pixels] f32 → [pixels, channels] in `compute`, and back.
void ToChannelsLast(const float* x, int64_t channels, int64_t pixels, void* y, DType compute);
void ToChannelsFirst(const void* x, DType compute, int64_t channels, int64_t pixels, float* y);

// Writes the phase (row, column) of a doubled picture: small [h, w, c] → big [2h, 2w, c] at
// (2i + row, 2j + column). `bytes` is the size of one pixel.
void ScatterPhase(const void* small, int64_t h, int64_t w, int64_t bytes, int row, int column,
                  void* big);

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_KERNELS_ELEMENTWISE_H_
