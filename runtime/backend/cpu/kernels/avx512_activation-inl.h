// Activations as exact as bf16 shows them. Included after avx512_bf16-inl.h, inside of the
// namespace, and with the attributes, of the instruction set.

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
