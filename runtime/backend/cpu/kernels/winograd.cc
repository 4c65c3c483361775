// Winograd's convolution: its driver, and its kernels in f32. The loop over threads stands outside
// of the code that is compiled once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/backend/cpu/kernels/winograd.cc"
#include "runtime/backend/cpu/kernels/winograd.h"

#include <omp.h>

#include <algorithm>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "runtime/backend/cpu/kernels/dot_products.h"
#include "runtime/backend/cpu/kernels/simd_math-inl.h"
#include "runtime/backend/footprint.h"

HWY_BEFORE_NAMESPACE();
namespace weft {
namespace HWY_NAMESPACE {
namespace {
using cpu::ConvSource;
using cpu::WinogradTask;
using cpu::WinogradTiles;

#include "runtime/backend/cpu/kernels/winograd-inl.h"

struct Simd {
  using Element = float;
  using Vector = FloatVec;
  static int64_t kLanes() { return static_cast<int64_t>(hn::Lanes(Floats())); }
  static HWY_INLINE Vector Load(const float* p) { return hn::LoadU(Floats(), p); }
  static HWY_INLINE Vector LoadSome(const float* p, int64_t count) {
    return LoadTail(Floats(), p, static_cast<size_t>(count));
  }
  static HWY_INLINE void Store(Vector v, float* p) { hn::StoreU(v, Floats(), p); }
  static HWY_INLINE void StoreSome(Vector v, float* p, int64_t count) {
    StoreTail(Floats(), v, p, static_cast<size_t>(count));
  }
  static HWY_INLINE Vector LoadFloats(const float* p) { return Load(p); }
  static HWY_INLINE Vector Add(Vector a, Vector b) { return hn::Add(a, b); }
  static HWY_INLINE Vector Sub(Vector a, Vector b) { return hn::Sub(a, b); }
  static HWY_INLINE Vector Zero() { return hn::Zero(Floats()); }
};

// As many vectors of a panel as leave registers for six rows of them.
constexpr int kVectors = HWY_TARGET == HWY_AVX3 ? 4 : 2;

template <int kRows>
void MultiplyRows(const float* a, int64_t depth, const float* b, float* c) {
  const Floats d;
  const int64_t lanes = Simd::kLanes();
  FloatVec sum[kRows][kVectors];
  for (auto& row : sum) {
    for (auto& s : row) s = hn::Zero(d);
  }
  for (int64_t k = 0; k < depth; ++k, b += kWinogradPanel) {
    FloatVec weight[kVectors];
    for (int v = 0; v < kVectors; ++v) weight[v] = hn::LoadU(d, b + v * lanes);
    for (int r = 0; r < kRows; ++r) {
      const auto x = hn::Set(d, a[r * depth + k]);
      for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(weight[v], x, sum[r][v]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      hn::StoreU(sum[r][v], d, c + r * kWinogradPanel + v * lanes);
    }
  }
}

void WinogradMultiplyF32(const void* a, int64_t rows, int64_t depth, const void* b, float* c) {
  const auto* x = static_cast<const float*>(a);
  const auto* w = static_cast<const float*>(b);
  const int64_t step = kVectors * Simd::kLanes();
  for (int64_t column = 0; column < kWinogradPanel; column += step) {
    int64_t r = 0;
    for (; r + 6 <= rows; r += 6) {
      MultiplyRows<6>(x + r * depth, depth, w + column, c + r * kWinogradPanel + column);
    }
    for (; r < rows; ++r) {
      MultiplyRows<1>(x + r * depth, depth, w + column, c + r * kWinogradPanel + column);
    }
  }
}

void WinogradInputF32(const WinogradTiles& tiles, int64_t depth, void* v) {
  if (tiles.task->doubled) {
    WinogradInput<Simd, 3>(tiles, depth, static_cast<float*>(v));
  } else {
    WinogradInput<Simd, 4>(tiles, depth, static_cast<float*>(v));
  }
}

void WinogradOutputF32(const WinogradTiles& tiles, int64_t channel, const float* m,
                       const float* bias) {
  if (tiles.task->doubled) {
    WinogradOutput<Simd, 3>(tiles, channel, m, bias);
  } else {
    WinogradOutput<Simd, 4>(tiles, channel, m, bias);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace weft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft {
HWY_EXPORT(WinogradInputF32);
HWY_EXPORT(WinogradMultiplyF32);
HWY_EXPORT(WinogradOutputF32);

namespace cpu {

namespace {

void InputF32(const WinogradTiles& tiles, int64_t depth, void* v) {
  HWY_DYNAMIC_DISPATCH(WinogradInputF32)(tiles, depth, v);
}
void MultiplyF32(const void* a, int64_t rows, int64_t depth, const void* b, float* c) {
  HWY_DYNAMIC_DISPATCH(WinogradMultiplyF32)(a, rows, depth, b, c);
}
void OutputF32(const WinogradTiles& tiles, int64_t channel, const float* m, const float* bias) {
  HWY_DYNAMIC_DISPATCH(WinogradOutputF32)(tiles, channel, m, bias);
}

}  // namespace

WinogradKernels WinogradKernelsF32() { return {InputF32, MultiplyF32, OutputF32}; }

bool IsWinograds(const ConvSpec& spec, DType compute) {
  // Winograd's weights are 16/9 as large. Layers with more channels stand where pictures are small:
  // to read their weights would take longer than the multiplications that are saved, and most of a
  // network's memory is theirs. The size of the picture itself must not decide, or bits would
  // depend on what a layer was used for before.
  constexpr int64_t kFewest = 32;
  constexpr int64_t kMost = 640 * 1920;
  const bool ours = compute == DType::kF32 || (HasBF16Dot() && !HasTiles());
  return ours && spec.kernel == 3 && spec.stride == 1 && spec.pad_begin == 1 && spec.pad_end == 1 &&
         std::min(spec.in_channels, spec.out_channels) >= kFewest &&
         spec.in_channels * spec.out_channels <= kMost;
}

TapSums WinogradTaps(bool doubled) {
  // G: a kernel's values along one direction → its frequencies.
  constexpr float kFrequencies[4][3] = {
      {1, 0, 0}, {0.5f, 0.5f, 0.5f}, {0.5f, -0.5f, 0.5f}, {0, 0, 1}};
  TapSums sums;
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) {
      if (doubled && (i == 2 || j == 2)) continue;
      for (int y = 0; y < 3; ++y) {
        for (int x = 0; x < 3; ++x) sums.factors.push_back(kFrequencies[i][y] * kFrequencies[j][x]);
      }
      ++sums.count;
    }
  }
  return sums;
}

WeightPlaces WinogradPlaces(int64_t out, int64_t in, bool doubled, DType dtype) {
  const int64_t group = dtype == DType::kBF16 ? 2 : 1;
  const int64_t depth = RoundUp(in, group);
  const int64_t frequencies = WinogradFrequencies(doubled);
  const int64_t panel = frequencies * depth * kWinogradPanel;
  WeightPlaces places;
  for (int64_t o = 0; o < out; ++o) {
    places.out.push_back(o / kWinogradPanel * panel + o % kWinogradPanel * group);
  }
  for (int64_t i = 0; i < in; ++i) {
    places.in.push_back(i / group * group * kWinogradPanel + i % group);
  }
  for (int64_t f = 0; f < frequencies; ++f) places.tap.push_back(f * depth * kWinogradPanel);
  places.size = RoundUp(out, kWinogradPanel) / kWinogradPanel * panel;
  return places;
}

void RunWinograd(const WinogradTask& task, std::byte* scratch) {
  const WinogradKernels kernels =
      task.dtype == DType::kBF16 ? WinogradKernelsBF16() : WinogradKernelsF32();
  const auto size = static_cast<int64_t>(SizeOf(task.dtype));
  const int64_t depth = RoundUp(task.in_channels, 2);
  const int64_t stored = RoundUp(task.in_channels, task.dtype == DType::kBF16 ? 2 : 1);
  const int64_t frequencies = WinogradFrequencies(task.doubled);
  const int64_t tiles = WinogradTileCount(task.batch, task.height, task.width, task.doubled);
  const int64_t step = WinogradTilesAtATime(tiles, depth, task.dtype);
  const int64_t chunks = (tiles + step - 1) / step;
  const auto each =
      static_cast<int64_t>(WinogradScratchBytes(tiles, task.in_channels, task.doubled, task.dtype));
#pragma omp parallel for schedule(dynamic)
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    std::byte* v = scratch + omp_get_thread_num() * each;
    auto* m = reinterpret_cast<float*>(v + RoundUp(frequencies * step * depth * size, 64));
    const WinogradTiles these{&task, chunk * step, std::min(step, tiles - chunk * step)};
    kernels.input(these, stored, v);
    for (int64_t channel = 0; channel < task.out_channels; channel += kWinogradPanel) {
      const auto* weights =
          static_cast<const std::byte*>(task.weights) + channel * frequencies * stored * size;
      for (int64_t f = 0; f < frequencies; ++f) {
        kernels.multiply(v + f * these.count * stored * size, these.count, stored,
                         weights + f * stored * kWinogradPanel * size,
                         m + f * these.count * kWinogradPanel);
      }
      float bias[kWinogradPanel] = {};
      if (task.bias != nullptr) {
        std::copy_n(task.bias + channel, std::min(kWinogradPanel, task.out_channels - channel),
                    bias);
      }
      kernels.output(these, channel, m, bias);
    }
  }
}

}  // namespace cpu
}  // namespace weft
#endif  // HWY_ONCE
