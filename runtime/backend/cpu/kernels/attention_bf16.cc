// Attention on AVX512_BF16. Highway 1.0 does not know vdpbf16ps, hence intrinsics.
#include "runtime/backend/cpu/kernels/attention_bf16.h"

#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "hwy/base.h"
#include "hwy/targets.h"
#include "runtime/backend/footprint.h"

namespace weft::cpu {

bool HasBF16Dot() {
  // Asks Highway too, so that tests can stand on an older processor.
  return (hwy::SupportedTargets() & HWY_AVX3) != 0 && __builtin_cpu_supports("avx512bf16");
}

}  // namespace weft::cpu

HWY_PUSH_ATTRIBUTES("avx,avx2,fma,f16c,avx512f,avx512vl,avx512dq,avx512bw,avx512bf16")
namespace weft::cpu {
namespace {

constexpr int64_t kLanes = 16;
constexpr int kPanelVectors = 4;
constexpr int64_t kPanel = kPanelVectors * kLanes;  // keys that are scored together
constexpr int kPanelRows = 6;                       // queries that are scored together
// Large and negative, but finite: infinities would make NaN in the exponential.
constexpr float kMasked = -1e30f;

constexpr int RowsFor(int vectors) { return vectors <= 3 ? 8 : vectors == 4 ? 6 : 4; }
static_assert(kQueryTile % kPanelRows == 0 && kQueryTile % 8 == 0 && kKeyBlock % kPanel == 0);

// Two neighbouring bf16 values, as the dot product takes them.
using Pair = uint32_t;

int64_t Pairs(int64_t width) { return (width + 1) / 2; }
size_t KeyPairs(int64_t rows, int64_t width) {
  return static_cast<size_t>(RoundUp(rows, kPanel) * Pairs(width));
}

__m512bh AsBF16(__m512i v) { return reinterpret_cast<__m512bh>(v); }

// 2^x for x ≤ 0 to 1e-4 of its value, less than bf16 shows: a cubic on [0, 1).
inline __m512 Exp2(__m512 x) {
  const __m512 f = _mm512_reduce_ps(x, 1);  // x - floor(x)
  __m512 p = _mm512_set1_ps(7.802452e-2f);
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.2606716e-1f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.9583354e-1f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.99992522f));
  return _mm512_scalef_ps(p, x);
}

// Keys [rows, width] → panels of 64 keys, each [width / 2][key] of pairs; filled up with 0.
void PackKeys(const BF16* keys, int64_t stride, int64_t rows, int64_t width, Pair* packed) {
  const int64_t pairs = Pairs(width);
  const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const __m512i offsets = _mm512_mullo_epi32(lane, _mm512_set1_epi32(static_cast<int>(stride)));
  for (int64_t first = 0; first < rows; first += kPanel, packed += kPanel * pairs) {
    for (int64_t j = 0; j < kPanel; j += kLanes) {
      const BF16* base = keys + (first + j) * stride;
      if (first + j + kLanes <= rows && width % 2 == 0) {
        for (int64_t c = 0; c < pairs; ++c) {
          _mm512_store_si512(packed + c * kPanel + j,
                             _mm512_i32gather_epi32(offsets, base + 2 * c, 2));
        }
        continue;
      }
      for (int64_t i = 0; i < kLanes; ++i) {
        for (int64_t c = 0; c < pairs; ++c) {
          Pair pair = 0;
          if (first + j + i < rows) {
            const BF16* key = base + i * stride + 2 * c;
            pair = key[0].bits;
            if (2 * c + 1 < width) pair |= static_cast<Pair>(key[1].bits) << 16;
          }
          packed[c * kPanel + j + i] = pair;
        }
      }
    }
  }
}

// Values [rows, width] → [rows / 2][padded width] of pairs (row j, row j + 1).
void PackValues(const BF16* values, int64_t stride, int64_t rows, int64_t width, Pair* packed) {
  const int64_t padded = RoundUp(width, kLanes);
  for (int64_t j = 0; j < rows; j += 2, packed += padded) {
    const BF16* even = values + j * stride;
    const BF16* odd = even + stride;
    const bool both = j + 1 < rows;
    for (int64_t c = 0; c < padded; c += kLanes) {
      const auto mask =
          static_cast<__mmask16>(width - c >= kLanes ? 0xffff : (1u << (width - c)) - 1u);
      const __m512i low = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, even + c));
      const __m512i high = _mm512_cvtepu16_epi32(
          _mm256_maskz_loadu_epi16(both ? mask : static_cast<__mmask16>(0), odd + c));
      _mm512_store_si512(packed + c, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
    }
  }
}

inline __m512bh Broadcast(const Pair* pair) {
  return AsBF16(_mm512_set1_epi32(static_cast<int>(*pair)));
}

// Scores of kPanelRows queries against the first kVectors · 16 keys of one panel.
template <int kVectors>
inline void ScorePanel(const Pair* q, int64_t pairs, const Pair* panel, float* scores) {
  __m512 sum[kPanelRows][kVectors];
  for (auto& row : sum) {
    for (auto& s : row) s = _mm512_setzero_ps();
  }
  for (int64_t c = 0; c < pairs; ++c, panel += kPanel) {
    __m512bh key[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      key[v] = AsBF16(_mm512_load_si512(panel + v * kLanes));
    }
    for (int r = 0; r < kPanelRows; ++r) {
      const __m512bh query = Broadcast(q + r * pairs + c);
      for (int v = 0; v < kVectors; ++v) {
        sum[r][v] = _mm512_dpbf16_ps(sum[r][v], key[v], query);
      }
    }
  }
  for (int r = 0; r < kPanelRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      _mm512_store_ps(scores + r * kKeyBlock + v * kLanes, sum[r][v]);
    }
  }
}

// Scores of all queries of a tile against the first `keys` keys of a panel.
void ScorePanelOfTile(const Pair* q, int64_t pairs, const Pair* panel, int64_t rows, int64_t keys,
                      float* scores) {
  const auto score = [&](auto some) {
    for (int64_t r = 0; r < rows; r += kPanelRows) {
      some(q + r * pairs, pairs, panel, scores + r * kKeyBlock);
    }
  };
  // 77 keys of a text are a whole panel and one vector more.
  switch ((keys + kLanes - 1) / kLanes) {
    case 1:
      score(ScorePanel<1>);
      break;
    case 2:
      score(ScorePanel<2>);
      break;
    case 3:
      score(ScorePanel<3>);
      break;
    default:
      score(ScorePanel<4>);
  }
}

// result[r] = result[r] · fade[r] + Σ_j weights[r][j] · values[j], two j at a time. kTail: half a
// vector behind the whole ones, at half the cost where a processor computes by halves.
template <int kVectors, bool kTail>
inline void SumValues(const Pair* weights, const float* fade, const Pair* values, int64_t pairs,
                      int64_t padded, float* result) {
  constexpr int kRows = RowsFor(kVectors + kTail);
  __m512 sum[kRows][kVectors + 1];
  __m256 tail[kRows];
  for (int r = 0; r < kRows; ++r) {
    const __m512 factor = _mm512_set1_ps(fade[r]);
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] = _mm512_mul_ps(factor, _mm512_load_ps(result + r * padded + v * kLanes));
    }
    if constexpr (kTail) {
      tail[r] = _mm256_mul_ps(_mm512_castps512_ps256(factor),
                              _mm256_load_ps(result + r * padded + kVectors * kLanes));
    }
  }
  for (int64_t j = 0; j < pairs; ++j, values += padded) {
    __m512bh value[kVectors + 1];
    for (int v = 0; v < kVectors; ++v) {
      value[v] = AsBF16(_mm512_load_si512(values + v * kLanes));
    }
    [[maybe_unused]] __m256i last;
    if constexpr (kTail) {
      last = _mm256_load_si256(reinterpret_cast<const __m256i*>(values + kVectors * kLanes));
    }
    for (int r = 0; r < kRows; ++r) {
      const __m512bh weight = Broadcast(weights + r * (kKeyBlock / 2) + j);
      for (int v = 0; v < kVectors; ++v) {
        sum[r][v] = _mm512_dpbf16_ps(sum[r][v], value[v], weight);
      }
      if constexpr (kTail) {
        const __m256i half = _mm512_castsi512_si256(reinterpret_cast<__m512i>(weight));
        tail[r] = _mm256_dpbf16_ps(tail[r], reinterpret_cast<__m256bh>(last),
                                   reinterpret_cast<__m256bh>(half));
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      _mm512_store_ps(result + r * padded + v * kLanes, sum[r][v]);
    }
    if constexpr (kTail) _mm256_store_ps(result + r * padded + kVectors * kLanes, tail[r]);
  }
}

template <int kVectors, bool kTail>
void SumValuesOfTile(const Pair* weights, const float* fade, const Pair* values, int64_t pairs,
                     int64_t padded, int64_t rows, float* result) {
  for (int64_t r = 0; r < rows; r += RowsFor(kVectors + kTail)) {
    SumValues<kVectors, kTail>(weights + r * (kKeyBlock / 2), fade + r, values, pairs, padded,
                               result + r * padded);
  }
}

// Turns one row of raw scores into bf16 weights 2^(factor · (score - maximum)); moves the row's
// maximum and sum on. Returns the factor by which what has been summed so far fades.
inline float Soften(float* scores, int64_t keys, float factor, Pair* weights, float& maximum,
                    float& total) {
  const int64_t padded = RoundUp(keys, 2 * kLanes);
  for (int64_t j = keys; j < padded; ++j) scores[j] = kMasked;
  __m512 top0 = _mm512_set1_ps(maximum), top1 = top0;
  for (int64_t j = 0; j < padded; j += 2 * kLanes) {
    top0 = _mm512_max_ps(top0, _mm512_load_ps(scores + j));
    top1 = _mm512_max_ps(top1, _mm512_load_ps(scores + j + kLanes));
  }
  const float reached = _mm512_reduce_max_ps(_mm512_max_ps(top0, top1));
  const __m512 scale = _mm512_set1_ps(factor);
  const __m512 offset = _mm512_set1_ps(reached * factor);
  __m512 sum0 = _mm512_setzero_ps(), sum1 = sum0;
  for (int64_t j = 0; j < padded; j += 2 * kLanes) {
    const __m512 a = Exp2(_mm512_fmsub_ps(_mm512_load_ps(scores + j), scale, offset));
    const __m512 b = Exp2(_mm512_fmsub_ps(_mm512_load_ps(scores + j + kLanes), scale, offset));
    sum0 = _mm512_add_ps(sum0, a);
    sum1 = _mm512_add_ps(sum1, b);
    _mm512_store_si512(weights + j / 2, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(b, a)));
  }
  const float fade = _mm512_cvtss_f32(Exp2(_mm512_set1_ps((maximum - reached) * factor)));
  total = total * fade + _mm512_reduce_add_ps(_mm512_add_ps(sum0, sum1));
  maximum = reached;
  return fade;
}

void SumBlock(const Pair* weights, const float* fade, const Pair* values, int64_t pairs,
              int64_t padded, int64_t width, int64_t rows, float* result) {
  // Half a vector more than whole ones, of widths such as 40.
  const bool tail = width % kLanes != 0 && width % kLanes <= kLanes / 2 && width > kLanes;
  const int64_t vectors = padded / kLanes - (tail ? 1 : 0);
  for (int64_t first = 0; first < vectors;) {
    const int64_t count = std::min<int64_t>(vectors - first, 4);
    const bool with_tail = tail && first + count == vectors;
    const int64_t c = first * kLanes;
    const auto sum = [&](auto tile) {
      tile(weights, fade, values + c, pairs, padded, rows, result + c);
    };
    switch (2 * count + (with_tail ? 1 : 0)) {
      case 2:
        sum(SumValuesOfTile<1, false>);
        break;
      case 3:
        sum(SumValuesOfTile<1, true>);
        break;
      case 4:
        sum(SumValuesOfTile<2, false>);
        break;
      case 5:
        sum(SumValuesOfTile<2, true>);
        break;
      case 6:
        sum(SumValuesOfTile<3, false>);
        break;
      case 7:
        sum(SumValuesOfTile<3, true>);
        break;
      case 8:
        sum(SumValuesOfTile<4, false>);
        break;
      default:
        sum(SumValuesOfTile<4, true>);
    }
    first += count;
  }
}

}  // namespace

void PackHeadBF16(const AttentionTile& tile, std::byte* packed) {
  auto* keys = reinterpret_cast<Pair*>(packed);
  PackKeys(static_cast<const BF16*>(tile.k), tile.k_stride, tile.key_rows, tile.q_width, keys);
  PackValues(static_cast<const BF16*>(tile.v), tile.v_stride, tile.key_rows, tile.v_width,
             keys + KeyPairs(tile.key_rows, tile.q_width));
}

void AttendTileBF16(const AttentionTile& tile, const std::byte* packed, std::byte* workspace) {
  const int64_t padded = RoundUp(tile.v_width, kLanes);
  const int64_t pairs = Pairs(tile.q_width);
  const auto* keys = reinterpret_cast<const Pair*>(packed);
  const Pair* values = keys + KeyPairs(tile.key_rows, tile.q_width);
  auto* scores = reinterpret_cast<float*>(workspace);                             // [48][512]
  auto* weights = reinterpret_cast<Pair*>(scores + kQueryTile * kKeyBlock);       // [48][256]
  auto* result = reinterpret_cast<float*>(weights + kQueryTile * kKeyBlock / 2);  // [48][padded]
  float* maximum = result + kQueryTile * padded;                                  // [48] each
  float* total = maximum + kQueryTile;
  float* fade = total + kQueryTile;
  auto* q = reinterpret_cast<Pair*>(fade + kQueryTile);  // [48][pairs]

  std::memset(q, 0, static_cast<size_t>(kQueryTile * pairs) * sizeof(Pair));
  for (int64_t r = 0; r < tile.q_rows; ++r) {
    std::memcpy(q + r * pairs, static_cast<const BF16*>(tile.q) + r * tile.q_stride,
                static_cast<size_t>(tile.q_width) * sizeof(BF16));
  }
  std::fill(result, maximum, 0.0f);
  std::fill(maximum, total, kMasked);
  std::fill(total, fade + kQueryTile, 0.0f);

  const float factor = tile.scale * 1.44269504f;  // log2(e): exponentials are to base 2
  const int64_t key_end =
      tile.causal ? std::min(tile.key_rows, tile.q_first + tile.q_rows) : tile.key_rows;
  for (int64_t first = 0; first < key_end; first += kKeyBlock) {
    const int64_t count = std::min(kKeyBlock, key_end - first);
    for (int64_t p = 0; p < count; p += kPanel) {
      ScorePanelOfTile(q, pairs, keys + (first + p) * pairs, tile.q_rows, count - p, scores + p);
    }
    for (int64_t r = 0; r < tile.q_rows; ++r) {
      float* row = scores + r * kKeyBlock;
      if (tile.causal) {
        const int64_t seen = std::max<int64_t>(0, tile.q_first + r + 1 - first);
        if (seen < count) std::fill(row + seen, row + count, kMasked);
      }
      fade[r] = Soften(row, count, factor, weights + r * (kKeyBlock / 2), maximum[r], total[r]);
    }
    SumBlock(weights, fade, values + first / 2 * padded, Pairs(count), padded, tile.v_width,
             tile.q_rows, result);
  }
  for (int64_t r = 0; r < tile.q_rows; ++r) {
    const float inverse = 1.0f / total[r];
    auto* out = static_cast<BF16*>(tile.output) + r * tile.output_stride;
    for (int64_t c = 0; c < tile.v_width; ++c) out[c] = ToBF16(result[r * padded + c] * inverse);
  }
}

}  // namespace weft::cpu
HWY_POP_ATTRIBUTES
