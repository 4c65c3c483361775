// Attention on AVX512_BF16. Highway 1.0 does not know vdpbf16ps, hence intrinsics.
#include "runtime/backend/cpu/kernels/attention_bf16.h"

#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "hwy/base.h"
#include "runtime/backend/cpu/kernels/transpose.h"
#include "runtime/backend/footprint.h"

HWY_PUSH_ATTRIBUTES("avx,avx2,fma,f16c,avx512f,avx512vl,avx512dq,avx512bw,avx512bf16")
namespace weft::cpu {
namespace {

// Everything stands on its side: queries lie in lanes, so that maxima, exponentials and sums of
// softmax are whole vectors, and a width such as 40 is so many rows, with no lane left empty.
constexpr int64_t kLanes = 16;
constexpr int kVectors = 3;     // of queries
constexpr int64_t kRows = 8;    // keys that are scored, or values that are summed, together
constexpr int64_t kKeys = 128;  // a block: its scores stay in the first cache
// Large and negative, but finite: infinities would make NaN in the exponential.
constexpr float kMasked = -1e30f;
static_assert(kLanes == kTransposedRows);
static_assert(kQueryTile == kVectors * kLanes && kKeys % kRows == 0 && kKeys <= kKeyBlock);

#include "runtime/backend/cpu/kernels/avx512_bf16-inl.h"

int64_t Pairs(int64_t width) { return (width + 1) / 2; }
size_t KeyPairs(int64_t rows, int64_t width) {
  return static_cast<size_t>(RoundUp(rows, kLanes) * Pairs(width));
}

// Keys [rows, width] → [row][width / 2] of pairs, filled up with 0.
void PackKeys(const BF16* keys, int64_t stride, int64_t rows, int64_t width, Pair* packed) {
  const int64_t pairs = Pairs(width);
  Pair* const end = packed + KeyPairs(rows, width);
  for (int64_t r = 0; r < rows; ++r, keys += stride, packed += pairs) {
    packed[pairs - 1] = 0;
    std::memcpy(packed, keys, static_cast<size_t>(width) * sizeof(BF16));
  }
  std::fill(packed, end, 0u);
}

// Queries → [width / 2][query] of pairs, filled up with 0.
void PackQueries(const AttentionTile& tile, Pair* packed) {
  const auto query = [&](int64_t r) {
    return static_cast<const BF16*>(tile.q) + r * tile.q_stride;
  };
  const int64_t pairs = Pairs(tile.q_width);
  if (tile.q_rows < kQueryTile) std::fill(packed, packed + pairs * kQueryTile, 0u);
  // By vectors what fills them: rows in sixteens, of which the last may be among those before.
  const int64_t by_vectors = tile.q_rows < kLanes ? 0 : tile.q_width / 8 * 4;
  for (int64_t end = kLanes; by_vectors > 0 && end < tile.q_rows + kLanes; end += kLanes) {
    const int64_t r = std::min(end, tile.q_rows) - kLanes;
    TransposeWords(reinterpret_cast<const std::byte*>(query(r)),
                   tile.q_stride * static_cast<int64_t>(sizeof(BF16)), by_vectors, packed + r,
                   kQueryTile);
  }
  for (int64_t r = 0; r < tile.q_rows; ++r) {
    for (int64_t c = by_vectors; c < pairs; ++c) {
      Pair pair = 0;
      std::memcpy(&pair, query(r) + 2 * c,
                  static_cast<size_t>(std::min<int64_t>(2, tile.q_width - 2 * c)) * sizeof(BF16));
      packed[c * kQueryTile + r] = pair;
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

// Scores of kRows keys against all queries: q [pairs][query] → scores [key][query]; moves the
// queries' maxima on.
inline void ScoreKeys(const Pair* q, const Pair* keys, int64_t pairs, float* scores,
                      __m512 (&top)[kVectors]) {
  __m512 sum[kRows][kVectors];
  for (auto& row : sum) {
    for (auto& s : row) s = _mm512_setzero_ps();
  }
  for (int64_t c = 0; c < pairs; ++c, q += kQueryTile) {
    __m512bh query[kVectors];
    for (int v = 0; v < kVectors; ++v) query[v] = AsBF16(_mm512_load_si512(q + v * kLanes));
    for (int64_t r = 0; r < kRows; ++r) {
      const __m512bh key = Broadcast(keys + r * pairs + c);
      for (int v = 0; v < kVectors; ++v) sum[r][v] = _mm512_dpbf16_ps(sum[r][v], query[v], key);
    }
  }
  for (int64_t r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      _mm512_store_ps(scores + r * kQueryTile + v * kLanes, sum[r][v]);
      top[v] = _mm512_max_ps(top[v], sum[r][v]);
    }
  }
}

// Hides keys `first` … `first + kRows` from the queries that must not see them: all from `end` on,
// and where causal those after the query itself. Moves the maxima on.
void Mask(const AttentionTile& tile, int64_t first, int64_t end, float* scores,
          __m512 (&top)[kVectors]) {
  const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  for (int64_t j = 0; j < kRows; ++j) {
    for (int v = 0; v < kVectors; ++v) {
      float* row = scores + j * kQueryTile + v * kLanes;
      const auto before = static_cast<int>(first + j - tile.q_first - v * kLanes);
      __mmask16 hidden = 0;
      if (first + j >= end) {
        hidden = 0xffff;
      } else if (tile.causal) {
        hidden = _mm512_cmplt_epi32_mask(lane, _mm512_set1_epi32(before));
      }
      const __m512 score =
          _mm512_mask_blend_ps(hidden, _mm512_load_ps(row), _mm512_set1_ps(kMasked));
      _mm512_store_ps(row, score);
      top[v] = _mm512_max_ps(top[v], score);
    }
  }
}

// Two vectors of floats as pairs: lane i holds (a[i], b[i]) in bf16.
inline __m512i Interleaved(__m512 a, __m512 b) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24,
                                         8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(order, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(b, a)));
}

// Turns the scores of `keys` keys (an even number) into weights 2^(factor · (score - top)), as
// pairs of keys [key / 2][query] in the same memory, and adds them to `total`.
inline void Soften(float* scores, int64_t keys, float factor, const __m512 (&top)[kVectors],
                   __m512 (&total)[kVectors]) {
  const __m512 scale = _mm512_set1_ps(factor);
  __m512 offset[kVectors], even[kVectors], odd[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    offset[v] = _mm512_mul_ps(top[v], scale);
    even[v] = odd[v] = _mm512_setzero_ps();
  }
  float* weights = scores;
  for (int64_t j = 0; j < keys; j += 2, scores += 2 * kQueryTile, weights += kQueryTile) {
    for (int v = 0; v < kVectors; ++v) {
      const float* score = scores + v * kLanes;
      const __m512 a = Exp2(_mm512_fmsub_ps(_mm512_load_ps(score), scale, offset[v]));
      const __m512 b = Exp2(_mm512_fmsub_ps(_mm512_load_ps(score + kQueryTile), scale, offset[v]));
      even[v] = _mm512_add_ps(even[v], a);
      odd[v] = _mm512_add_ps(odd[v], b);
      _mm512_store_si512(weights + v * kLanes, Interleaved(a, b));
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    total[v] = _mm512_add_ps(total[v], _mm512_add_ps(even[v], odd[v]));
  }
}

// result[d] = result[d] · fade + Σ_j values[j][d] · weights[j] for kRows columns d of the values.
// `stride`: pairs from one row of values to the next.
inline void SumValues(const Pair* weights, const __m512 (&fade)[kVectors], const Pair* values,
                      int64_t stride, int64_t pairs, float* result) {
  __m512 sum[kRows][kVectors];
  for (int64_t d = 0; d < kRows; ++d) {
    for (int v = 0; v < kVectors; ++v) {
      sum[d][v] = _mm512_mul_ps(fade[v], _mm512_load_ps(result + d * kQueryTile + v * kLanes));
    }
  }
  for (int64_t j = 0; j < pairs; ++j, values += stride, weights += kQueryTile) {
    __m512bh weight[kVectors];
    for (int v = 0; v < kVectors; ++v) weight[v] = AsBF16(_mm512_load_si512(weights + v * kLanes));
    for (int64_t d = 0; d < kRows; ++d) {
      const __m512bh value = Broadcast(values + d);
      for (int v = 0; v < kVectors; ++v) sum[d][v] = _mm512_dpbf16_ps(sum[d][v], weight[v], value);
    }
  }
  for (int64_t d = 0; d < kRows; ++d) {
    for (int v = 0; v < kVectors; ++v) {
      _mm512_store_ps(result + d * kQueryTile + v * kLanes, sum[d][v]);
    }
  }
}

// result [width][query] / total → the tile's output [query][width].
void WriteResult(const AttentionTile& tile, const float* result, const __m512 (&total)[kVectors],
                 Pair* scratch) {
  const int64_t pairs = Pairs(tile.v_width);
  const int64_t padded = RoundUp(pairs, kLanes);
  Pair* const by_pair = scratch;                     // [padded][16 queries]
  Pair* const by_query = scratch + padded * kLanes;  // [16 queries][padded]
  for (int64_t v = 0; v * kLanes < tile.q_rows; ++v) {
    const __m512 inverse = _mm512_div_ps(_mm512_set1_ps(1.0f), total[v]);
    const float* column = result + v * kLanes;
    for (int64_t c = 0; c < pairs; ++c, column += 2 * kQueryTile) {
      const __m512 a = _mm512_mul_ps(_mm512_load_ps(column), inverse);
      const __m512 b = _mm512_mul_ps(_mm512_load_ps(column + kQueryTile), inverse);
      _mm512_store_si512(by_pair + c * kLanes, Interleaved(a, b));
    }
    for (int64_t c = 0; c < padded; c += kLanes) {
      TransposeWords(reinterpret_cast<const std::byte*>(by_pair + c * kLanes),
                     kLanes * sizeof(Pair), kLanes, by_query + c, padded);
    }
    for (int64_t i = 0; i < std::min(kLanes, tile.q_rows - v * kLanes); ++i) {
      std::memcpy(static_cast<void*>(static_cast<BF16*>(tile.output) +
                                     (v * kLanes + i) * tile.output_stride),
                  by_query + i * padded, static_cast<size_t>(tile.v_width) * sizeof(BF16));
    }
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
  auto* scores = reinterpret_cast<float*>(workspace);               // [128][48]
  float* result = scores + kKeys * kQueryTile;                      // [padded][48]
  auto* q = reinterpret_cast<Pair*>(result + padded * kQueryTile);  // [pairs][48]

  PackQueries(tile, q);
  std::fill(result, result + padded * kQueryTile, 0.0f);
  __m512 top[kVectors], total[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    top[v] = _mm512_set1_ps(kMasked);
    total[v] = _mm512_setzero_ps();
  }

  const float factor = tile.scale * 1.44269504f;  // log2(e): exponentials are to base 2
  const int64_t key_end =
      tile.causal ? std::min(tile.key_rows, tile.q_first + tile.q_rows) : tile.key_rows;
  for (int64_t first = 0; first < key_end; first += kKeys) {
    const int64_t count = RoundUp(std::min(kKeys, key_end - first), kRows);
    __m512 reached[kVectors] = {top[0], top[1], top[2]};
    for (int64_t j = 0; j < count; j += kRows) {
      const bool masked = tile.causal || first + j + kRows > key_end;
      __m512 unused[kVectors] = {top[0], top[1], top[2]};
      ScoreKeys(q, keys + (first + j) * pairs, pairs, scores + j * kQueryTile,
                masked ? unused : reached);
      if (masked) Mask(tile, first + j, key_end, scores + j * kQueryTile, reached);
    }
    __m512 fade[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      fade[v] = Exp2(_mm512_mul_ps(_mm512_sub_ps(top[v], reached[v]), _mm512_set1_ps(factor)));
      total[v] = _mm512_mul_ps(total[v], fade[v]);
      top[v] = reached[v];
    }
    Soften(scores, count, factor, top, total);
    const int64_t with_value = Pairs(std::min(count, tile.key_rows - first));
    for (int64_t d = 0; d < tile.v_width; d += kRows) {
      SumValues(reinterpret_cast<const Pair*>(scores), fade, values + first / 2 * padded + d,
                padded, with_value, result + d * kQueryTile);
    }
  }
  WriteResult(tile, result, total, q + pairs * kQueryTile);
}

}  // namespace weft::cpu
HWY_POP_ATTRIBUTES
