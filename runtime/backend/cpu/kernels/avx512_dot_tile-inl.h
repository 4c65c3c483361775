// Matrix products by tiles. Included after avx512_bf16-inl.h, inside of the namespace, and with the
// attributes, of the instruction set.

// A tile of a product: rows of `a` against a panel of `b`, with all sums in registers. This shape
// measured as the fastest of those that fit.
constexpr int64_t kTileRows = 6;
constexpr int64_t kPanel = 64;
constexpr int kVectors = kPanel / 16;

// c[r · kPanel + n] = Σ_k a[r · pairs + k] · b[k · kPanel + n], over one pair or more. (Of a loop
// that may not run GCC has the sums in memory, beside registers.)
template <int kRows>
inline void DotRows(const Pair* a, int64_t pairs, const Pair* b, float* c) {
  __m512 sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) sum[r][v] = _mm512_setzero_ps();
  }
  int64_t k = 0;
  do {
    __m512bh weight[kVectors];
    for (int v = 0; v < kVectors; ++v) weight[v] = AsBF16(_mm512_loadu_si512(b + 16 * v));
    for (int r = 0; r < kRows; ++r) {
      const __m512bh x = Broadcast(a + r * pairs + k);
      for (int v = 0; v < kVectors; ++v) sum[r][v] = _mm512_dpbf16_ps(sum[r][v], weight[v], x);
    }
    b += kPanel;
  } while (++k < pairs);
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) _mm512_storeu_ps(c + r * kPanel + 16 * v, sum[r][v]);
  }
}

// The same of 1 … kTileRows rows.
inline void DotTile(int64_t rows, const Pair* a, int64_t pairs, const Pair* b, float* c) {
  constexpr decltype(&DotRows<1>) kBy[kTileRows] = {DotRows<1>, DotRows<2>, DotRows<3>,
                                                    DotRows<4>, DotRows<5>, DotRows<6>};
  kBy[rows - 1](a, pairs, b, c);
}
