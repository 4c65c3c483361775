// Transposition of words of 32 bits. Included once for each instruction set.
#if defined(WEFT_RUNTIME_BACKEND_CPU_KERNELS_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_RUNTIME_BACKEND_CPU_KERNELS_TRANSPOSE_INL_H_
#undef WEFT_RUNTIME_BACKEND_CPU_KERNELS_TRANSPOSE_INL_H_
#else
#define WEFT_RUNTIME_BACKEND_CPU_KERNELS_TRANSPOSE_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hwy/highway.h"
#include "runtime/backend/cpu/kernels/transpose.h"

HWY_BEFORE_NAMESPACE();
namespace weft {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Words = hn::ScalableTag<uint32_t>;
using WordVec = hn::Vec<Words>;

// See cpu::TransposeWords.
#if HWY_TARGET == HWY_SCALAR  // knows no blocks of 128 bits

HWY_INLINE void Transpose(const std::byte* rows, int64_t stride, int64_t words, uint32_t* lines,
                          int64_t line) {
  for (int64_t w = 0; w < words; ++w) {
    for (int64_t r = 0; r < cpu::kTransposedRows; ++r) {
      std::memcpy(lines + w * line + r, rows + r * stride + w * 4, sizeof(uint32_t));
    }
  }
}

#else

// Four words of row 0, of row 4, of row 8 …: one in each block of 128 bits.
HWY_INLINE WordVec LoadEveryFourth(Words d, const std::byte* row, int64_t stride) {
  const size_t lanes = hn::Lanes(d);
  const auto words = [&](size_t first) {
    return reinterpret_cast<const uint32_t*>(row + static_cast<int64_t>(first) * stride);
  };
  WordVec v = hn::LoadDup128(d, words(0));
  for (size_t first = 4; first < lanes; first += 4) {
    v = hn::IfThenElse(hn::FirstN(d, first), v, hn::LoadDup128(d, words(first)));
  }
  return v;
}

// Four rows and four words of each block of 128 bits change places; as the
// blocks hold every fourth row, the rows then follow each other.
HWY_INLINE void Transpose(const std::byte* rows, int64_t stride, int64_t words, uint32_t* lines,
                          int64_t line) {
  const Words d;
  const hn::Repartition<uint64_t, Words> d64;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto low = [&](WordVec a, WordVec b) {
    return hn::BitCast(d, hn::InterleaveLower(d64, hn::BitCast(d64, a), hn::BitCast(d64, b)));
  };
  const auto high = [&](WordVec a, WordVec b) {
    return hn::BitCast(d, hn::InterleaveUpper(d64, hn::BitCast(d64, a), hn::BitCast(d64, b)));
  };
  for (int64_t first = 0; first < cpu::kTransposedRows; first += lanes) {
    const std::byte* from = rows + first * stride;
    uint32_t* to = lines + first;
    for (int64_t w = 0; w < words; w += 4, from += 4 * sizeof(uint32_t), to += 4 * line) {
      const auto a = LoadEveryFourth(d, from, stride);
      const auto b = LoadEveryFourth(d, from + stride, stride);
      const auto c = LoadEveryFourth(d, from + 2 * stride, stride);
      const auto e = LoadEveryFourth(d, from + 3 * stride, stride);
      const auto ab = hn::InterleaveLower(d, a, b), ce = hn::InterleaveLower(d, c, e);
      const auto ab2 = hn::InterleaveUpper(d, a, b), ce2 = hn::InterleaveUpper(d, c, e);
      hn::StoreU(low(ab, ce), d, to);
      hn::StoreU(high(ab, ce), d, to + line);
      hn::StoreU(low(ab2, ce2), d, to + 2 * line);
      hn::StoreU(high(ab2, ce2), d, to + 3 * line);
    }
  }
}

#endif  // HWY_SCALAR

}  // namespace HWY_NAMESPACE
}  // namespace weft
HWY_AFTER_NAMESPACE();

#endif  // WEFT_RUNTIME_BACKEND_CPU_KERNELS_TRANSPOSE_INL_H_
