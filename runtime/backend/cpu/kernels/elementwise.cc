// Elementwise kernels and layout changes. The loops over threads stand outside of the code that is
// compiled once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/backend/cpu/kernels/elementwise.cc"
#include "runtime/backend/cpu/kernels/elementwise.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "runtime/backend/cpu/kernels/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft {
namespace HWY_NAMESPACE {

template <typename T, Activation kActivation>
void ActivateSpan(const T* x, T* y, int64_t count) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    StoreF(d, Activated<kActivation>(d, LoadF(d, x + i)), y + i);
  }
  if (const auto rest = static_cast<size_t>(count - i); rest > 0) {
    StoreTail(d, Activated<kActivation>(d, LoadTail(d, x + i, rest)), y + i, rest);
  }
}

template <typename T>
void ActivateTyped(const T* x, T* y, int64_t count, Activation activation) {
  switch (activation) {
    case Activation::kSilu:
      return ActivateSpan<T, Activation::kSilu>(x, y, count);
    case Activation::kGelu:
      return ActivateSpan<T, Activation::kGelu>(x, y, count);
    case Activation::kGeluTanh:
      return ActivateSpan<T, Activation::kGeluTanh>(x, y, count);
    case Activation::kQuickGelu:
      return ActivateSpan<T, Activation::kQuickGelu>(x, y, count);
    case Activation::kRelu:
      return ActivateSpan<T, Activation::kRelu>(x, y, count);
    case Activation::kNone:
      return ActivateSpan<T, Activation::kNone>(x, y, count);
  }
}

void ActivateChunk(const void* x, void* y, DType dtype, int64_t begin, int64_t count,
                   Activation activation) {
  if (dtype == DType::kBF16) {
    ActivateTyped(static_cast<const BF16*>(x) + begin, static_cast<BF16*>(y) + begin, count,
                  activation);
  } else {
    ActivateTyped(static_cast<const float*>(x) + begin, static_cast<float*>(y) + begin, count,
                  activation);
  }
}

template <typename T>
void AddSpan(const T* a, const T* b, T* y, int64_t count) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    StoreF(d, hn::Add(LoadF(d, a + i), LoadF(d, b + i)), y + i);
  }
  if (const auto rest = static_cast<size_t>(count - i); rest > 0) {
    StoreTail(d, hn::Add(LoadTail(d, a + i, rest), LoadTail(d, b + i, rest)), y + i, rest);
  }
}

void AddChunk(const void* a, const void* b, void* y, DType dtype, int64_t begin, int64_t count) {
  if (dtype == DType::kBF16) {
    AddSpan(static_cast<const BF16*>(a) + begin, static_cast<const BF16*>(b) + begin,
            static_cast<BF16*>(y) + begin, count);
  } else {
    AddSpan(static_cast<const float*>(a) + begin, static_cast<const float*>(b) + begin,
            static_cast<float*>(y) + begin, count);
  }
}

template <typename From, typename To>
void ConvertSpan(const From* from, To* to, int64_t count) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) StoreF(d, LoadF(d, from + i), to + i);
  if (const auto rest = static_cast<size_t>(count - i); rest > 0) {
    StoreTail(d, LoadTail(d, from + i, rest), to + i, rest);
  }
}

void WidenBF16(const BF16* from, float* to, int64_t count) { ConvertSpan(from, to, count); }
void NarrowToBF16(const float* from, BF16* to, int64_t count) { ConvertSpan(from, to, count); }

// Half to float by moving the exponent: 2^112 restores its bias, and makes subnormals right too.
void WidenF16(const F16* from, float* to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t bits = from[i].bits;
    const uint32_t sign = (bits & 0x8000u) << 16;
    const uint32_t shifted = (bits & 0x7fffu) << 13;
    const float scaled = std::bit_cast<float>(shifted) * 0x1p112f;
    uint32_t out = std::bit_cast<uint32_t>(scaled);
    if ((bits & 0x7c00u) == 0x7c00u) out = shifted | 0x7f800000u;
    to[i] = std::bit_cast<float>(out | sign);
  }
}

// By way of f32, which holds every half exactly, so that it is rounded once.
void F16ToBF16(const F16* from, BF16* to, int64_t count) {
  constexpr int64_t kWide = 1024;
  alignas(64) float wide[kWide];
  for (int64_t begin = 0; begin < count; begin += kWide) {
    const int64_t n = std::min(kWide, count - begin);
    WidenF16(from + begin, wide, n);
    NarrowToBF16(wide, to + begin, n);
  }
}

void SumOfRows(const float* rows, int64_t count, int64_t width, const float* factors, float* sum) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= width; i += lanes) {
    auto total = hn::Zero(d);
    for (int64_t r = 0; r < count; ++r) {
      total = hn::Add(total, hn::Mul(hn::Set(d, factors[r]), LoadF(d, rows + r * width + i)));
    }
    StoreF(d, total, sum + i);
  }
  for (; i < width; ++i) {
    sum[i] = 0;
    for (int64_t r = 0; r < count; ++r) sum[i] += factors[r] * rows[r * width + i];
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace weft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft {
HWY_EXPORT(ActivateChunk);
HWY_EXPORT(AddChunk);
HWY_EXPORT(WidenBF16);
HWY_EXPORT(NarrowToBF16);
HWY_EXPORT(WidenF16);
HWY_EXPORT(F16ToBF16);
HWY_EXPORT(SumOfRows);

namespace cpu {
namespace {

constexpr int64_t kChunk = 16384;  // elements a task: 64 kB of f32

// Calls body(begin, count) for chunks of 0 .. count.
template <typename Body>
void ForChunks(int64_t count, Body body) {
  const int64_t chunks = (count + kChunk - 1) / kChunk;
#pragma omp parallel for schedule(static) if (chunks > 1)
  for (int64_t i = 0; i < chunks; ++i) {
    body(i * kChunk, std::min(kChunk, count - i * kChunk));
  }
}

}  // namespace

void Activate(const void* x, void* y, DType dtype, int64_t count, Activation activation) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(ActivateChunk);
  ForChunks(count, [&](int64_t begin, int64_t n) { kernel(x, y, dtype, begin, n, activation); });
}

void Add(const void* a, const void* b, void* y, DType dtype, int64_t count) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(AddChunk);
  ForChunks(count, [&](int64_t begin, int64_t n) { kernel(a, b, y, dtype, begin, n); });
}

void ConvertOnThisThread(const void* from, DType from_type, void* to, DType to_type,
                         int64_t count) {
  const bool aligned = reinterpret_cast<uintptr_t>(from) % SizeOf(from_type) == 0;
  if (aligned && from_type == DType::kBF16 && to_type == DType::kF32) {
    HWY_DYNAMIC_DISPATCH(WidenBF16)
    (static_cast<const BF16*>(from), static_cast<float*>(to), count);
  } else if (aligned && from_type == DType::kF32 && to_type == DType::kBF16) {
    HWY_DYNAMIC_DISPATCH(NarrowToBF16)
    (static_cast<const float*>(from), static_cast<BF16*>(to), count);
  } else if (aligned && from_type == DType::kF16 && to_type == DType::kF32) {
    HWY_DYNAMIC_DISPATCH(WidenF16)
    (static_cast<const F16*>(from), static_cast<float*>(to), count);
  } else if (aligned && from_type == DType::kF16 && to_type == DType::kBF16) {
    HWY_DYNAMIC_DISPATCH(F16ToBF16)
    (static_cast<const F16*>(from), static_cast<BF16*>(to), count);
  } else {
    ConvertElements(from, from_type, to, to_type, count);
  }
}

void Convert(const void* from, DType from_type, void* to, DType to_type, int64_t count) {
  ForChunks(count, [&](int64_t begin, int64_t n) {
    ConvertOnThisThread(static_cast<const std::byte*>(from) + begin * SizeOf(from_type), from_type,
                        static_cast<std::byte*>(to) + begin * SizeOf(to_type), to_type, n);
  });
}

void SumRows(const float* rows, int64_t count, int64_t width, const float* factors, float* sum) {
  HWY_DYNAMIC_DISPATCH(SumOfRows)(rows, count, width, factors, sum);
}

void FillRows(const float* row, int64_t width, float* target, int64_t rows) {
#pragma omp parallel for schedule(static) if (rows * width > kChunk)
  for (int64_t r = 0; r < rows; ++r) std::copy(row, row + width, target + r * width);
}

void ToChannelsLast(const float* x, int64_t channels, int64_t pixels, void* y, DType compute) {
#pragma omp parallel for schedule(static) if (channels * pixels > kChunk)
  for (int64_t p = 0; p < pixels; ++p) {
    for (int64_t c = 0; c < channels; ++c) {
      const float value = x[c * pixels + p];
      if (compute == DType::kBF16) {
        static_cast<BF16*>(y)[p * channels + c] = ToBF16(value);
      } else {
        static_cast<float*>(y)[p * channels + c] = value;
      }
    }
  }
}

void ToChannelsFirst(const void* x, DType compute, int64_t channels, int64_t pixels, float* y) {
#pragma omp parallel for schedule(static) if (channels * pixels > kChunk)
  for (int64_t p = 0; p < pixels; ++p) {
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t i = p * channels + c;
      y[c * pixels + p] = compute == DType::kBF16 ? ToFloat(static_cast<const BF16*>(x)[i])
                                                  : static_cast<const float*>(x)[i];
    }
  }
}

void ScatterPhase(const void* small, int64_t h, int64_t w, int64_t bytes, int row, int column,
                  void* big) {
  const auto* from = static_cast<const std::byte*>(small);
  auto* to = static_cast<std::byte*>(big);
#pragma omp parallel for schedule(static) if (h * w * bytes > kChunk)
  for (int64_t i = 0; i < h; ++i) {
    for (int64_t j = 0; j < w; ++j) {
      std::memcpy(to + ((2 * i + row) * 2 * w + 2 * j + column) * bytes, from + (i * w + j) * bytes,
                  static_cast<size_t>(bytes));
    }
  }
}

}  // namespace cpu
}  // namespace weft
#endif  // HWY_ONCE
