#ifndef WEFT_RUNTIME_BACKEND_CPU_KERNELS_GATED_LINEAR_BF16_H_
#define WEFT_RUNTIME_BACKEND_CPU_KERNELS_GATED_LINEAR_BF16_H_

#include <cstdint>

#include "runtime/backend/backend.h"
#include "runtime/backend/cpu/kernels/pack_weights.h"

namespace weft::cpu {

// [a | g] = x·w + bias + addend; y = a · activation(g) + residual (GEGLU: Shazeer, GLU Variants
// Improve Transformer, 2020) in one pass, with the processor's bf16 dot product: a panel holds 32
// columns of a and the same 32 of g, so that both are in registers when they meet.
struct GatedLinearTask {
  const void* x = nullptr;  // [rows, in]
  int64_t rows = 0;
  int64_t in = 0;                 // even
  int64_t out = 0;                // of y
  const void* weights = nullptr;  // as GatedLinearPlaces puts them
  const float* bias = nullptr;    // [2 · out] or null
  const void* addend = nullptr;   // [rows, 2 · out] or null
  Activation activation = Activation::kGelu;
  const void* residual = nullptr;  // [rows, out], may be the output; or null
  void* output = nullptr;          // [rows, out]
};

// Whether this processor has the kernel, for so many inputs.
bool HasGatedLinearBF16(int64_t in);
// Of a weight [2 · out, in]: [out / 32][in / 2][a, g][32][2].
WeightPlaces GatedLinearPlaces(int64_t out, int64_t in);
// By the whole team.
void RunGatedLinearBF16(const GatedLinearTask& task);

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_KERNELS_GATED_LINEAR_BF16_H_
