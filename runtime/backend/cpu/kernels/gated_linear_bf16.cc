#include "runtime/backend/cpu/kernels/gated_linear_bf16.h"

#include <immintrin.h>
#include <omp.h>

#include <algorithm>

#include "hwy/base.h"
#include "runtime/backend/cpu/kernels/bf16_dot.h"
#include "runtime/backend/footprint.h"

namespace weft::cpu {
namespace {

constexpr int64_t kColumns = 32;  // of a, and as many of g, in a panel
constexpr int64_t kPanel = 2 * kColumns;
// Rows that one thread takes through all panels: they stay in its second cache.
constexpr int64_t kRowsAtATime = 96;

}  // namespace

bool HasGatedLinearBF16(int64_t in) { return in % 2 == 0 && HasBF16Dot(); }

WeightPlaces GatedLinearPlaces(int64_t out, int64_t in) {
  WeightPlaces places;
  for (int64_t half = 0; half < 2; ++half) {
    for (int64_t o = 0; o < out; ++o) {
      places.out.push_back(o / kColumns * kPanel * in + (half * kColumns + o % kColumns) * 2);
    }
  }
  for (int64_t i = 0; i < in; ++i) places.in.push_back(i / 2 * 2 * kPanel + i % 2);
  places.tap = {0};
  places.size = RoundUp(out, kColumns) * 2 * in;
  return places;
}

}  // namespace weft::cpu

HWY_PUSH_ATTRIBUTES("avx,avx2,fma,f16c,avx512f,avx512vl,avx512dq,avx512bw,avx512bf16")
namespace weft::cpu {
namespace {

#include "runtime/backend/cpu/kernels/avx512_bf16-inl.h"

inline __m512 Sigmoid(__m512 x) {
  // 1 / (1 + 2^-|x|·log2(e)), and what is left of 1 for the negative.
  const __m512 e = Exp2(_mm512_mul_ps(_mm512_abs_ps(x), _mm512_set1_ps(-1.44269504f)));
  const __m512 positive =
      _mm512_div_ps(_mm512_set1_ps(1.0f), _mm512_add_ps(_mm512_set1_ps(1.0f), e));
  return _mm512_mask_mul_ps(positive, _mm512_movepi32_mask(_mm512_castps_si512(x)), positive, e);
}

// x·Φ(x). The tail 1 - Φ(|x|) is exact to 2e-4 of its own value, less than bf16 shows: formula
// 7.1.26 of Abramowitz and Stegun for erfc.
inline __m512 Gelu(__m512 x) {
  const __m512 t = _mm512_rcp14_ps(_mm512_fmadd_ps(
      _mm512_abs_ps(x), _mm512_set1_ps(0.3275911f * 0.70710678f), _mm512_set1_ps(1.0f)));
  __m512 p = _mm512_set1_ps(0.5f * 1.061405429f);
  p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.5f * -1.453152027f));
  p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.5f * 1.421413741f));
  p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.5f * -0.284496736f));
  p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.5f * 0.254829592f));
  const __m512 square = _mm512_mul_ps(x, x);
  const __m512 e = Exp2(_mm512_mul_ps(square, _mm512_set1_ps(-0.5f * 1.44269504f)));
  const __m512 tail = _mm512_mul_ps(_mm512_mul_ps(p, t), e);
  const __mmask16 negative = _mm512_movepi32_mask(_mm512_castps_si512(x));
  const __m512 share =
      _mm512_mask_blend_ps(negative, _mm512_sub_ps(_mm512_set1_ps(1.0f), tail), tail);
  return _mm512_mul_ps(x, share);
}

template <Activation kActivation>
inline __m512 Activated(__m512 x) {
  if constexpr (kActivation == Activation::kGelu) {
    return Gelu(x);
  } else if constexpr (kActivation == Activation::kSilu) {
    return _mm512_mul_ps(x, Sigmoid(x));
  } else if constexpr (kActivation == Activation::kQuickGelu) {
    return _mm512_mul_ps(x, Sigmoid(_mm512_mul_ps(x, _mm512_set1_ps(1.702f))));
  } else if constexpr (kActivation == Activation::kGeluTanh) {
    const __m512 cubic =
        _mm512_fmadd_ps(_mm512_mul_ps(x, x), _mm512_set1_ps(0.044715f), _mm512_set1_ps(1.0f));
    const __m512 u2 = _mm512_mul_ps(_mm512_mul_ps(x, cubic), _mm512_set1_ps(1.59576912f));
    return _mm512_mul_ps(x, Sigmoid(u2));
  } else if constexpr (kActivation == Activation::kRelu) {
    return _mm512_max_ps(x, _mm512_setzero_ps());
  } else {
    return x;
  }
}

// kRows rows from `row` against one panel.
template <int kRows, Activation kActivation>
void Tile(const GatedLinearTask& task, int64_t row, int64_t panel) {
  const int64_t pairs = task.in / 2;
  __m512 sum[kRows][4];  // two vectors of a, two of g
  DotRows(static_cast<const Pair*>(task.x) + row * pairs, pairs,
          static_cast<const Pair*>(task.weights) + panel * kPanel * pairs, kPanel, sum);
  for (int v = 0; v < 2; ++v) {
    const int64_t column = panel * kColumns + 16 * v;
    if (column >= task.out) break;
    const __mmask16 lanes = FirstLanes(std::min<int64_t>(16, task.out - column));
    __m512 bias_a = _mm512_setzero_ps(), bias_g = bias_a;
    if (task.bias != nullptr) {
      bias_a = _mm512_maskz_loadu_ps(lanes, task.bias + column);
      bias_g = _mm512_maskz_loadu_ps(lanes, task.bias + task.out + column);
    }
    for (int r = 0; r < kRows; ++r) {
      __m512 a = _mm512_add_ps(sum[r][v], bias_a);
      __m512 g = _mm512_add_ps(sum[r][2 + v], bias_g);
      if (task.addend != nullptr) {
        const BF16* addend =
            static_cast<const BF16*>(task.addend) + (row + r) * 2 * task.out + column;
        a = _mm512_add_ps(a, Widened(_mm256_maskz_loadu_epi16(lanes, addend)));
        g = _mm512_add_ps(g, Widened(_mm256_maskz_loadu_epi16(lanes, addend + task.out)));
      }
      __m512 y = _mm512_mul_ps(a, Activated<kActivation>(g));
      const int64_t at = (row + r) * task.out + column;
      if (task.residual != nullptr) {
        const BF16* residual = static_cast<const BF16*>(task.residual) + at;
        y = _mm512_add_ps(y, Widened(_mm256_maskz_loadu_epi16(lanes, residual)));
      }
      _mm256_mask_storeu_epi16(static_cast<BF16*>(task.output) + at, lanes, Narrowed(y));
    }
  }
}

template <Activation kActivation>
void Rows(const GatedLinearTask& task, int64_t begin, int64_t end) {
  const int64_t panels = (task.out + kColumns - 1) / kColumns;
  for (int64_t panel = 0; panel < panels; ++panel) {
    int64_t row = begin;
    for (; row + 6 <= end; row += 6) Tile<6, kActivation>(task, row, panel);
    for (; row < end; ++row) Tile<1, kActivation>(task, row, panel);
  }
}

void RowsFor(const GatedLinearTask& task, int64_t begin, int64_t end) {
  switch (task.activation) {
    case Activation::kNone:
      return Rows<Activation::kNone>(task, begin, end);
    case Activation::kSilu:
      return Rows<Activation::kSilu>(task, begin, end);
    case Activation::kGelu:
      return Rows<Activation::kGelu>(task, begin, end);
    case Activation::kGeluTanh:
      return Rows<Activation::kGeluTanh>(task, begin, end);
    case Activation::kQuickGelu:
      return Rows<Activation::kQuickGelu>(task, begin, end);
    case Activation::kRelu:
      return Rows<Activation::kRelu>(task, begin, end);
  }
}

}  // namespace
}  // namespace weft::cpu
HWY_POP_ATTRIBUTES

namespace weft::cpu {

void RunGatedLinearBF16(const GatedLinearTask& task) {
  // As many blocks for one thread as for another.
  const int64_t least = (task.rows + kRowsAtATime - 1) / kRowsAtATime;
  const int64_t blocks = RoundUp(least, omp_get_max_threads());
  const int64_t step = RoundUp((task.rows + blocks - 1) / blocks, 6);
#pragma omp parallel for schedule(dynamic)
  for (int64_t first = 0; first < task.rows; first += step) {
    RowsFor(task, first, std::min(task.rows, first + step));
  }
}

}  // namespace weft::cpu
