#ifndef WEFT_RUNTIME_BACKEND_CPU_KERNELS_LINEAR_PANELS_H_
#define WEFT_RUNTIME_BACKEND_CPU_KERNELS_LINEAR_PANELS_H_

#include <cstdint>

#include "runtime/backend/backend.h"
#include "runtime/backend/cpu/kernels/pack_weights.h"
#include "runtime/backend/cpu/kernels/quantize.h"

namespace weft::cpu {

// y = activation(x·w + bias + per_channel + addend) + residual, or, where `gated`:
// [a | g] = x·w + bias + addend; y = a · activation(g) + residual (GEGLU: Shazeer, GLU Variants
// Improve Transformer, 2020); in one pass, with the processor's dot products of bf16 or of codes.
struct LinearTask {
  DType input = DType::kBF16;    // of x and the weights, or kU8: codes, and weights of s8
  DType compute = DType::kBF16;  // of all else that is not f32; f32 only beside codes
  const void* x = nullptr;       // [rows, in]
  int64_t rows = 0;
  int64_t in = 0;   // a multiple of what the dot product takes at once: 2, or 4 codes
  int64_t out = 0;  // of y
  bool gated = false;
  const void* weights = nullptr;      // as LinearPanelsPlaces puts them
  const float* scales = nullptr;      // of the products of codes, as many as the bias; or null
  const float* bias = nullptr;        // as many as the weight has rows, or null
  const void* per_channel = nullptr;  // [rows / batch_rows, out] or null; not where gated
  int64_t batch_rows = 1;
  const void* addend = nullptr;  // [rows, as many as the weight has rows] or null
  Activation activation = Activation::kNone;
  const void* residual = nullptr;    // [rows, out], may be the output; or null
  void* output = nullptr;            // [rows, out]
  const CodeMaker* codes = nullptr;  // of the output, which is u8 then; or null
};

// Whether the kernel is the best that this processor has, for so many inputs of this type.
bool HasLinearPanels(DType input, int64_t in);
// Of a weight [out, in], in panels of 64 outputs: [out / 64][in / 2][64][2] of bf16, or
// [out / 64][in / 4][64][4] of codes. Of a gated one [2 · out, in] a panel holds 32 outputs of a
// and the same 32 of g, so that both are in cache when they meet.
WeightPlaces LinearPanelsPlaces(DType input, int64_t out, int64_t in, bool gated);
// What such a weight takes, in elements.
int64_t LinearPanelsSize(int64_t out, int64_t in, bool gated);
// By the whole team. An output is one sum in the order of its inputs: the bits depend neither on
// the threads nor on the other rows.
void RunLinearPanels(const LinearTask& task);

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_KERNELS_LINEAR_PANELS_H_
