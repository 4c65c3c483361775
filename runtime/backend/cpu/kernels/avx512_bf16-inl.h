// What the kernels on AVX512_BF16 share. Included inside of the namespace, and with the attributes,
// of the instruction set.

// Two neighbouring bf16 values, as the dot product takes them.
using Pair = uint32_t;

inline __m512bh AsBF16(__m512i v) { return reinterpret_cast<__m512bh>(v); }
inline __m512bh Broadcast(const Pair* pair) {
  return AsBF16(_mm512_set1_epi32(static_cast<int>(*pair)));
}

// 2^x for x ≤ 0 to 1e-4 of its value, less than bf16 shows: a cubic on [0, 1).
inline __m512 Exp2(__m512 x) {
  const __m512 f = _mm512_reduce_ps(x, 1);  // x - floor(x)
  __m512 p = _mm512_set1_ps(7.802452e-2f);
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.2606716e-1f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.9583354e-1f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.99992522f));
  return _mm512_scalef_ps(p, x);
}

// The first `count` lanes, of 0 … 16.
inline __mmask16 FirstLanes(int64_t count) { return static_cast<__mmask16>((1u << count) - 1u); }
inline __m512 Widened(__m256i v) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16));
}
// Rounds to nearest even.
inline __m256i Narrowed(__m512 v) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(v)); }

// sum[r] = Σ_k a[r · pairs + k] · b[k · stride …]: kRows rows with kVectors vectors of columns.
template <int kRows, int kVectors>
inline void DotRows(const Pair* a, int64_t pairs, const Pair* b, int64_t stride,
                    __m512 (&sum)[kRows][kVectors]) {
  for (auto& row : sum) {
    for (auto& s : row) s = _mm512_setzero_ps();
  }
  for (int64_t k = 0; k < pairs; ++k, b += stride) {
    __m512bh weight[kVectors];
    for (int v = 0; v < kVectors; ++v) weight[v] = AsBF16(_mm512_loadu_si512(b + 16 * v));
    for (int r = 0; r < kRows; ++r) {
      const __m512bh x = Broadcast(a + r * pairs + k);
      for (int v = 0; v < kVectors; ++v) sum[r][v] = _mm512_dpbf16_ps(sum[r][v], weight[v], x);
    }
  }
}
