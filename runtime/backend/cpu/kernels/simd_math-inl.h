// Vector arithmetic shared by the kernels. Included once for each instruction set.
#if defined(WEFT_RUNTIME_BACKEND_CPU_KERNELS_SIMD_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_RUNTIME_BACKEND_CPU_KERNELS_SIMD_MATH_INL_H_
#undef WEFT_RUNTIME_BACKEND_CPU_KERNELS_SIMD_MATH_INL_H_
#else
#define WEFT_RUNTIME_BACKEND_CPU_KERNELS_SIMD_MATH_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hwy/highway.h"
#include "runtime/backend/backend.h"
#include "runtime/tensor/dtype.h"

HWY_BEFORE_NAMESPACE();
namespace weft {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using FloatVec = hn::Vec<Floats>;
constexpr size_t kMaxLanes = 16;  // of float, on any x86

HWY_INLINE FloatVec LoadF([[maybe_unused]] Floats d, const float* p) { return hn::LoadU(d, p); }
HWY_INLINE FloatVec LoadF([[maybe_unused]] Floats d, const BF16* p) {
  const hn::Rebind<uint16_t, Floats> d16;
  const hn::RebindToUnsigned<Floats> d32;
  const auto wide = hn::PromoteTo(d32, hn::LoadU(d16, reinterpret_cast<const uint16_t*>(p)));
  return hn::BitCast(d, hn::ShiftLeft<16>(wide));
}

HWY_INLINE void StoreF([[maybe_unused]] Floats d, FloatVec v, float* p) { hn::StoreU(v, d, p); }
// Rounds to nearest even; NaN stays NaN.
HWY_INLINE void StoreF([[maybe_unused]] Floats d, FloatVec v, BF16* p) {
  const hn::Rebind<uint16_t, Floats> d16;
  const hn::RebindToSigned<Floats> di;
  const hn::RebindToUnsigned<Floats> du;
  const auto bits = hn::BitCast(du, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
  auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7fffu))));
  rounded = hn::IfThenElse(hn::RebindMask(du, hn::IsNaN(v)), hn::Set(du, 0x7fc0u), rounded);
  hn::StoreU(hn::DemoteTo(d16, hn::BitCast(di, rounded)), d16, reinterpret_cast<uint16_t*>(p));
}

// The first `count` < Lanes values; the others are zero. Never reads past them.
template <typename T>
HWY_INLINE FloatVec LoadTail(Floats d, const T* p, size_t count) {
  alignas(64) T values[kMaxLanes] = {};
  std::memcpy(values, p, count * sizeof(T));
  return LoadF(d, values);
}
template <typename T>
HWY_INLINE void StoreTail(Floats d, FloatVec v, T* p, size_t count) {
  alignas(64) T values[kMaxLanes];
  StoreF(d, v, values);
  std::memcpy(p, values, count * sizeof(T));
}

// x, held within -126..most, as a whole number and a rest of at most 1/2 to either side: 2^rest is
// a polynomial's, and `whole` goes into its exponent.
struct Power {
  hn::Vec<hn::RebindToSigned<Floats>> whole;
  FloatVec rest;
};
HWY_INLINE Power SplitPower(Floats d, FloatVec x, float most) {
  const auto bounded = hn::Min(hn::Max(x, hn::Set(d, -126.0f)), hn::Set(d, most));
  const auto whole = hn::Round(bounded);
  return {hn::ConvertTo(hn::RebindToSigned<Floats>(), whole), hn::Sub(bounded, whole)};
}

// 2^x to about 1e-7 of its value; 0 (or nearly) below -126, inf above 128. The polynomial of degree
// 6 with the smallest relative error.
HWY_INLINE FloatVec Exp2(Floats d, FloatVec x) {
  const hn::RebindToSigned<Floats> di;
  const auto [whole, f] = SplitPower(d, x, 128.0f);
  auto p = hn::Set(d, 1.53458120e-4f);
  p = hn::MulAdd(p, f, hn::Set(d, 1.33999312e-3f));
  p = hn::MulAdd(p, f, hn::Set(d, 9.61848896e-3f));
  p = hn::MulAdd(p, f, hn::Set(d, 5.55032878e-2f));
  p = hn::MulAdd(p, f, hn::Set(d, 2.40226469e-1f));
  p = hn::MulAdd(p, f, hn::Set(d, 6.93147206e-1f));
  p = hn::MulAdd(p, f, hn::Set(d, 1.0f));
  const auto exponent = hn::Add(whole, hn::Set(di, 127));
  return hn::Mul(p, hn::BitCast(d, hn::ShiftLeft<23>(exponent)));
}

HWY_INLINE FloatVec Exp(Floats d, FloatVec x) {
  return Exp2(d, hn::Mul(x, hn::Set(d, 1.44269504f)));
}

HWY_INLINE FloatVec Sigmoid(Floats d, FloatVec x) {
  const auto one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, Exp(d, hn::Neg(x))));
}

// 1 / (1 + e^-x) to 2e-4 of its value: less than a code of 8 bits shows, and half the work.
HWY_INLINE FloatVec RoughSigmoid(Floats d, FloatVec x) {
  const hn::RebindToSigned<Floats> di;
  const auto [whole, f] = SplitPower(d, hn::Mul(x, hn::Set(d, -1.44269504f)), 126.0f);
  auto p = hn::Set(d, 5.517095e-2f);
  p = hn::MulAdd(p, f, hn::Set(d, 2.4261051e-1f));
  p = hn::MulAdd(p, f, hn::Set(d, 6.93261e-1f));
  p = hn::MulAdd(p, f, hn::Set(d, 9.999281e-1f));
  const auto e = hn::BitCast(d, hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(whole)));
  return hn::ApproximateReciprocal(hn::Add(e, hn::Set(d, 1.0f)));
}

// Values as codes of 8 bits: round(v · inverse + zero), held within 0..255.
HWY_INLINE hn::Vec<hn::Rebind<uint8_t, Floats>> CodeOf(Floats d, FloatVec v, FloatVec inverse,
                                                       FloatVec zero) {
  const hn::Rebind<uint8_t, Floats> d8;
  const auto bounded =
      hn::Min(hn::Max(hn::MulAdd(v, inverse, zero), hn::Zero(d)), hn::Set(d, 255.0f));
  return hn::DemoteTo(d8, hn::NearestInt(bounded));
}

// erf to 1.5e-7: Abramowitz and Stegun, formula 7.1.26.
HWY_INLINE FloatVec Erf(Floats d, FloatVec x) {
  const auto one = hn::Set(d, 1.0f);
  const auto size = hn::Abs(x);
  const auto t = hn::Div(one, hn::MulAdd(hn::Set(d, 0.3275911f), size, one));
  auto p = hn::Set(d, 1.061405429f);
  p = hn::MulAdd(p, t, hn::Set(d, -1.453152027f));
  p = hn::MulAdd(p, t, hn::Set(d, 1.421413741f));
  p = hn::MulAdd(p, t, hn::Set(d, -0.284496736f));
  p = hn::MulAdd(p, t, hn::Set(d, 0.254829592f));
  const auto tail = hn::Mul(hn::Mul(p, t), Exp(d, hn::Neg(hn::Mul(size, size))));
  return hn::CopySign(hn::Sub(one, tail), x);
}

template <Activation kActivation>
HWY_INLINE FloatVec Activated(Floats d, FloatVec x) {
  if constexpr (kActivation == Activation::kSilu) {
    return hn::Mul(x, Sigmoid(d, x));
  } else if constexpr (kActivation == Activation::kGelu) {
    const auto half = hn::Mul(x, hn::Set(d, 0.5f));
    return hn::MulAdd(half, Erf(d, hn::Mul(x, hn::Set(d, 0.70710678f))), half);
  } else if constexpr (kActivation == Activation::kGeluTanh) {
    // 0.5·x·(1 + tanh u) = x·sigmoid(2u), u = sqrt(2/π)·(x + 0.044715·x³)
    const auto cubic = hn::MulAdd(hn::Mul(x, x), hn::Set(d, 0.044715f), hn::Set(d, 1.0f));
    const auto u2 = hn::Mul(hn::Mul(x, cubic), hn::Set(d, 1.59576912f));
    return hn::Mul(x, Sigmoid(d, u2));
  } else if constexpr (kActivation == Activation::kQuickGelu) {
    return hn::Mul(x, Sigmoid(d, hn::Mul(x, hn::Set(d, 1.702f))));
  } else if constexpr (kActivation == Activation::kRelu) {
    return hn::Max(x, hn::Zero(d));
  } else {
    return x;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace weft
HWY_AFTER_NAMESPACE();

#endif
