#ifndef WEFT_RUNTIME_BACKEND_CPU_KERNELS_NORM_H_
#define WEFT_RUNTIME_BACKEND_CPU_KERNELS_NORM_H_

#include <cstdint>

#include "absl/types/span.h"
#include "runtime/backend/backend.h"
#include "runtime/backend/cpu/kernels/quantize.h"

namespace weft::cpu {

// One of the tensors that stand side by side in the channel axis: [batch, pixels, channels].
struct ChannelSource {
  const void* data = nullptr;
  int64_t channels = 0;
};

struct GroupNormCall {
  absl::Span<const ChannelSource> sources;
  int64_t batch = 0;
  int64_t pixels = 0;
  int64_t channels = 0;  // of all sources together
  int64_t groups = 0;
  float eps = 0;
  Activation activation = Activation::kNone;
  DType dtype = DType::kF32;
  const float* gamma = nullptr;  // [channels], or null for ones
  const float* beta = nullptr;   // [channels], or null for zeros
  void* output = nullptr;        // [batch, pixels, channels]; may be a source where that is alone
  // Where set, the output is codes in a frame of the pictures, made of values that were never
  // rounded to `dtype`.
  const CodeMaker* codes = nullptr;
  CodeFrame frame;
  float* scratch = nullptr;  // GroupNormScratch(batch, pixels, channels) floats
};

// Sums are taken over tiles of pixels that depend on the shape alone, relative to each channel's
// first value (so that a large mean costs no digits), and put together in double.
int64_t GroupNormScratch(int64_t batch, int64_t pixels, int64_t channels);
void GroupNorm(const GroupNormCall& call);

// y = (x - mean) / sqrt(variance + eps) · gamma + beta over the last axis of [rows, width].
void LayerNorm(const void* x, DType dtype, int64_t rows, int64_t width, const float* gamma,
               const float* beta, float eps, void* y);
// The same in codes: [rows, width] u8.
void LayerNormCodes(const void* x, DType dtype, int64_t rows, int64_t width, const float* gamma,
                    const float* beta, float eps, const CodeMaker& codes, uint8_t* y);

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_KERNELS_NORM_H_
