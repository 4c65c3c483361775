#ifndef WEFT_RUNTIME_BACKEND_CPU_KERNELS_LINEAR_BF16_H_
#define WEFT_RUNTIME_BACKEND_CPU_KERNELS_LINEAR_BF16_H_

#include <cstdint>

#include "runtime/backend/backend.h"
#include "runtime/backend/cpu/kernels/pack_weights.h"

namespace weft::cpu {

// y = activation(x·w + bias + per_channel + addend) + residual, or, where `gated`:
// [a | g] = x·w + bias + addend; y = a · activation(g) + residual (GEGLU: Shazeer, GLU Variants
// Improve Transformer, 2020); in one pass, with the processor's bf16 dot product. All but the bias
// is bf16.
struct LinearTask {
  const void* x = nullptr;  // [rows, in]
  int64_t rows = 0;
  int64_t in = 0;   // even
  int64_t out = 0;  // of y
  bool gated = false;
  const void* weights = nullptr;      // as LinearBF16Places puts them
  const float* bias = nullptr;        // as many as the weight has rows, or null
  const void* per_channel = nullptr;  // [rows / batch_rows, out] or null; not where gated
  int64_t batch_rows = 1;
  const void* addend = nullptr;  // [rows, as many as the weight has rows] or null
  Activation activation = Activation::kNone;
  const void* residual = nullptr;  // [rows, out], may be the output; or null
  void* output = nullptr;          // [rows, out]
};

// Whether this processor has the kernel, for so many inputs.
bool HasLinearBF16(int64_t in);
// Of a weight [out, in], in panels of 64 outputs: [out / 64][in / 2][64][2]. Of a gated one
// [2 · out, in] a panel holds 32 outputs of a and the same 32 of g, so that both are in cache when
// they meet.
WeightPlaces LinearBF16Places(int64_t out, int64_t in, bool gated);
// What such a weight takes, in elements.
int64_t LinearBF16Size(int64_t out, int64_t in, bool gated);
// By the whole team. An output is one sum in the order of its inputs: the bits depend neither on
// the threads nor on the other rows.
void RunLinearBF16(const LinearTask& task);

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_KERNELS_LINEAR_BF16_H_
