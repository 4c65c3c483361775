#ifndef WEFT_RUNTIME_BACKEND_CPU_KERNELS_WINOGRAD_H_
#define WEFT_RUNTIME_BACKEND_CPU_KERNELS_WINOGRAD_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "runtime/backend/backend.h"
#include "runtime/backend/cpu/kernels/pack_weights.h"

namespace weft::cpu {

// 3×3 convolutions with stride 1 and a border of one zero by F(2×2, 3×3) of Winograd (Lavin and
// Gray, Fast Algorithms for Convolutional Neural Networks, 2015): a tile of 2×2 results is
//   Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A
// of the 4×4 pixels d around it and the kernel g. Each of the 16 frequencies in the middle is a
// matrix product over the channels, with 16/36 of the multiplications.
//
// Of a picture that is doubled by nearest neighbour first, the two inner rows and columns of d are
// the same pixels. Frequency 2 of each direction is then zero, and 9 of the 16 remain.

// Some of the channels of the pictures that a convolution reads.
struct ConvSource {
  const void* data = nullptr;  // [batch, h, w, channels]
  int64_t channels = 0;
};

struct WinogradTask {
  DType dtype = DType::kF32;  // of pictures and weights: f32 or bf16
  bool doubled = false;
  int64_t batch = 0;
  int64_t height = 0;  // of the sources
  int64_t width = 0;
  int64_t in_channels = 0;
  int64_t out_channels = 0;
  absl::Span<const ConvSource> sources;
  const void* weights = nullptr;      // as WinogradPlaces puts them
  const float* bias = nullptr;        // [out] or null
  const void* per_channel = nullptr;  // [batch, out] or null
  const void* residual = nullptr;     // as output, and may be it; or null
  void* output = nullptr;             // [batch, h, w, out], or doubled
};

// Tiles `first` … `first + count` of all pictures, row by row.
struct WinogradTiles {
  const WinogradTask* task = nullptr;
  int64_t first = 0;
  int64_t count = 0;
};

// The steps, for one type of elements on one instruction set.
struct WinogradKernels {
  // Pixels around each tile → v [frequency][tile][depth].
  void (*input)(const WinogradTiles& tiles, int64_t depth, void* v);
  // a [rows, depth] · b [depth, 64] → c [rows, 64].
  void (*multiply)(const void* a, int64_t rows, int64_t depth, const void* b, float* c);
  // m [frequency][tile][64] → the pixels of each tile, for the channels from `channel`,
  // whose bias [64] is given.
  void (*output)(const WinogradTiles& tiles, int64_t channel, const float* m, const float* bias);
};
WinogradKernels WinogradKernelsF32();
WinogradKernels WinogradKernelsBF16();  // AVX512_BF16

// Whether a convolution is computed so: where it is possible, and where it pays.
bool IsWinograds(const ConvSpec& spec, DType compute);

// The frequencies of a kernel, row by row: [frequencies][3 × 3], for PackWeights.
TapSums WinogradTaps(bool doubled);
// Panels of 64 output channels: [out / 64][frequency][in][64], where bf16 has channels in pairs:
// [out / 64][frequency][in / 2][64][2].
WeightPlaces WinogradPlaces(int64_t out, int64_t in, bool doubled, DType dtype);

// y = x·w + bias + per_channel + residual, by the whole team. `scratch`: of
// WinogradScratchBytes (footprint.h) for each thread.
void RunWinograd(const WinogradTask& task, std::byte* scratch);

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_KERNELS_WINOGRAD_H_
