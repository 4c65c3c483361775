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
