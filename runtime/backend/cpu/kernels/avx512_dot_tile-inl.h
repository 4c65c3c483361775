// Matrix products by tiles. Included after avx512_bf16-inl.h, inside of the namespace, and with the
// attributes, of the instruction set.

// A tile of a product: rows of `a` against a panel of `b`, with all sums in registers. This shape
// measured as the fastest of those that fit.
constexpr int64_t kTileRows = 6;
constexpr int64_t kPanel = 64;
constexpr int kVectors = kPanel / 16;

// What lies in 32 bits, and is multiplied and summed up at once: a pair of bf16 …
struct BF16Pairs {
  static constexpr int64_t kGroup = 2;
  using Sum = __m512;
  static Sum Zero() { return _mm512_setzero_ps(); }
  static Sum Dot(Sum sum, __m512i a, __m512i b) {
    return _mm512_dpbf16_ps(sum, AsBF16(b), AsBF16(a));
  }
  static __m512 Floats(Sum sum) { return sum; }
};

// c[r · kPanel + n] = Σ_k a[r · groups + k] · b[k · kPanel + n], over one group or more. (Of a loop
// that may not run GCC has the sums in memory, beside registers.)
template <typename Groups, int kRows>
inline void DotRows(const Pair* a, int64_t groups, const Pair* b, float* c) {
  typename Groups::Sum sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) sum[r][v] = Groups::Zero();
  }
  int64_t k = 0;
  do {
    __m512i weight[kVectors];
    for (int v = 0; v < kVectors; ++v) weight[v] = _mm512_loadu_si512(b + 16 * v);
    for (int r = 0; r < kRows; ++r) {
      const __m512i x = _mm512_set1_epi32(static_cast<int>(a[r * groups + k]));
      for (int v = 0; v < kVectors; ++v) sum[r][v] = Groups::Dot(sum[r][v], x, weight[v]);
    }
    b += kPanel;
  } while (++k < groups);
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      _mm512_storeu_ps(c + r * kPanel + 16 * v, Groups::Floats(sum[r][v]));
    }
  }
}

// The same of 1 … kTileRows rows.
template <typename Groups>
inline void DotTile(int64_t rows, const Pair* a, int64_t groups, const Pair* b, float* c) {
  constexpr decltype(&DotRows<Groups, 1>) kBy[kTileRows] = {DotRows<Groups, 1>, DotRows<Groups, 2>,
                                                            DotRows<Groups, 3>, DotRows<Groups, 4>,
                                                            DotRows<Groups, 5>, DotRows<Groups, 6>};
  kBy[rows - 1](a, groups, b, c);
}
