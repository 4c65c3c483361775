// Winograd's convolution in bf16 on AVX512_BF16. Highway 1.0 does not know vdpbf16ps, hence
// intrinsics.
#include <immintrin.h>

#include <algorithm>

#include "hwy/base.h"
#include "runtime/backend/cpu/kernels/winograd.h"
#include "runtime/backend/footprint.h"

HWY_PUSH_ATTRIBUTES("avx,avx2,fma,f16c,avx512f,avx512vl,avx512dq,avx512bw,avx512bf16")
namespace weft::cpu {
namespace {

#include "runtime/backend/cpu/kernels/avx512_bf16-inl.h"
// What follows stands on the former.
#include "runtime/backend/cpu/kernels/avx512_dot_tile-inl.h"
#include "runtime/backend/cpu/kernels/winograd-inl.h"

struct Simd {
  using Element = BF16;
  using Vector = __m512;
  static int64_t kLanes() { return 16; }
  static Vector Load(const BF16* p) {
    return Widened(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static Vector LoadSome(const BF16* p, int64_t count) {
    return Widened(_mm256_maskz_loadu_epi16(FirstLanes(count), p));
  }
  static void Store(Vector v, BF16* p) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), Narrowed(v));
  }
  static void StoreSome(Vector v, BF16* p, int64_t count) {
    _mm256_mask_storeu_epi16(p, FirstLanes(count), Narrowed(v));
  }
  static Vector LoadFloats(const float* p) { return _mm512_loadu_ps(p); }
  static Vector Add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
  static Vector Sub(Vector a, Vector b) { return _mm512_sub_ps(a, b); }
  static Vector Zero() { return _mm512_setzero_ps(); }
};

static_assert(kWinogradPanel == kPanel);

void Multiply(const void* a, int64_t rows, int64_t depth, const void* b, float* c) {
  const int64_t pairs = depth / 2;
  const auto* x = static_cast<const Pair*>(a);
  const auto* w = static_cast<const Pair*>(b);
  for (int64_t row = 0; row < rows; row += kTileRows) {
    DotTile<BF16Pairs>(std::min(kTileRows, rows - row), x + row * pairs, pairs, w,
                       c + row * kPanel);
  }
}

void Input(const WinogradTiles& tiles, int64_t depth, void* v) {
  if (tiles.task->doubled) {
    WinogradInput<Simd, 3>(tiles, depth, static_cast<BF16*>(v));
  } else {
    WinogradInput<Simd, 4>(tiles, depth, static_cast<BF16*>(v));
  }
}

void Output(const WinogradTiles& tiles, int64_t channel, const float* m, const float* bias) {
  if (tiles.task->doubled) {
    WinogradOutput<Simd, 3>(tiles, channel, m, bias);
  } else {
    WinogradOutput<Simd, 4>(tiles, channel, m, bias);
  }
}

}  // namespace

WinogradKernels WinogradKernelsBF16() { return {Input, Multiply, Output}; }

}  // namespace weft::cpu
HWY_POP_ATTRIBUTES
