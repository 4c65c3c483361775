#ifndef WEFT_RUNTIME_BACKEND_CPU_KERNELS_PACK_WEIGHTS_H_
#define WEFT_RUNTIME_BACKEND_CPU_KERNELS_PACK_WEIGHTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "runtime/backend/cpu/kernels/place_weights.h"
#include "runtime/tensor/dtype.h"

namespace weft::cpu {

// Packed taps that are sums of the stored ones, made in f32: Σ factor · tap. factors [count][taps].
struct TapSums {
  int64_t count = 0;
  std::vector<float> factors;
};

// A weight as a file holds it: [count, channels, taps], of any float type and alignment. A matrix
// has one tap.
struct StoredRows {
  const std::byte* data = nullptr;
  DType dtype = DType::kF32;
  int64_t count = 0;  // output channels
  int64_t channels = 0;
  int64_t taps = 1;
  int64_t stride = 0;  // elements from one row to the next
  TapSums sums = {};   // where the taps are not packed as they are
};

// Writes the weight to `target` in `compute` (f32 or bf16), zeros where the layout is filled up.
// By the whole team; each element is converted once, and nothing is held but some rows in cache:
// pages of a mapped file leave the process as they have been read. DATA_LOSS where a value is NaN
// or infinite.
absl::Status PackWeights(const StoredRows& rows, const WeightPlaces& places, DType compute,
                         void* target);

// A weight as codes -127..127 with one scale for each row: row · factor ≈ scale · code.
struct CodeTerms {
  const float* factor = nullptr;  // [channels]
  const float* zero = nullptr;    // [channels]: the code of 0 in the layer's input
  float* scales = nullptr;        // [count], made here
  float* offsets = nullptr;  // [count], too: scale · Σ code · zero, what zeros alone would give
};
// The same for codes of one byte.
absl::Status PackWeightCodes(const StoredRows& rows, const WeightPlaces& places,
                             const CodeTerms& terms, int8_t* target);

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_KERNELS_PACK_WEIGHTS_H_
