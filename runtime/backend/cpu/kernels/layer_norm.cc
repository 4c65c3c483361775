// Layer normalisation. The loops over threads stand outside of the code that is compiled once for
// each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/backend/cpu/kernels/layer_norm.cc"
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "runtime/backend/cpu/kernels/norm.h"
#include "runtime/backend/cpu/kernels/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft {
namespace HWY_NAMESPACE {

// Two passes over each row, which the first has brought into the nearest cache.
template <typename T>
void LayerNormTyped(const T* x, int64_t rows, int64_t width, const float* gamma, const float* beta,
                    float eps, T* y) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const float inverse_width = 1.0f / static_cast<float>(width);
  for (int64_t r = 0; r < rows; ++r, x += width, y += width) {
    const int64_t full = width / lanes * lanes;
    const auto rest = static_cast<size_t>(width - full);
    auto sum = hn::Zero(d);
    for (int64_t c = 0; c < full; c += lanes) sum = hn::Add(sum, LoadF(d, x + c));
    if (rest > 0) sum = hn::Add(sum, LoadTail(d, x + full, rest));
    const auto mean = hn::Mul(hn::SumOfLanes(d, sum), hn::Set(d, inverse_width));
    auto square = hn::Zero(d);
    for (int64_t c = 0; c < full; c += lanes) {
      const auto delta = hn::Sub(LoadF(d, x + c), mean);
      square = hn::MulAdd(delta, delta, square);
    }
    if (rest > 0) {
      auto delta = hn::Sub(LoadTail(d, x + full, rest), mean);
      delta = hn::IfThenElseZero(hn::FirstN(d, rest), delta);
      square = hn::MulAdd(delta, delta, square);
    }
    const float variance = hn::GetLane(hn::SumOfLanes(d, square)) * inverse_width;
    const auto scale = hn::Set(d, 1.0f / std::sqrt(variance + eps));
    const auto finish = [&](FloatVec value, FloatVec g, FloatVec b) HWY_ATTR {
      return hn::MulAdd(hn::Mul(hn::Sub(value, mean), scale), g, b);
    };
    for (int64_t c = 0; c < full; c += lanes) {
      const auto g = gamma != nullptr ? hn::LoadU(d, gamma + c) : hn::Set(d, 1.0f);
      const auto b = beta != nullptr ? hn::LoadU(d, beta + c) : hn::Zero(d);
      StoreF(d, finish(LoadF(d, x + c), g, b), y + c);
    }
    if (rest > 0) {
      const auto g = gamma != nullptr ? LoadTail(d, gamma + full, rest) : hn::Set(d, 1.0f);
      const auto b = beta != nullptr ? LoadTail(d, beta + full, rest) : hn::Zero(d);
      StoreTail(d, finish(LoadTail(d, x + full, rest), g, b), y + full, rest);
    }
  }
}

void LayerNormRows(const void* x, DType dtype, int64_t begin, int64_t rows, int64_t width,
                   const float* gamma, const float* beta, float eps, void* y) {
  if (dtype == DType::kBF16) {
    LayerNormTyped(static_cast<const BF16*>(x) + begin * width, rows, width, gamma, beta, eps,
                   static_cast<BF16*>(y) + begin * width);
  } else {
    LayerNormTyped(static_cast<const float*>(x) + begin * width, rows, width, gamma, beta, eps,
                   static_cast<float*>(y) + begin * width);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace weft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft {
HWY_EXPORT(LayerNormRows);

namespace cpu {

void LayerNorm(const void* x, DType dtype, int64_t rows, int64_t width, const float* gamma,
               const float* beta, float eps, void* y) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(LayerNormRows);
  constexpr int64_t kRows = 16;
  const int64_t tasks = (rows + kRows - 1) / kRows;
#pragma omp parallel for schedule(static) if (tasks > 1)
  for (int64_t i = 0; i < tasks; ++i) {
    kernel(x, dtype, i * kRows, std::min(kRows, rows - i * kRows), width, gamma, beta, eps, y);
  }
}

void LayerNormCodes(const void* x, DType dtype, int64_t rows, int64_t width, const float* gamma,
                    const float* beta, float eps, const CodeMaker& codes, uint8_t* y) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(LayerNormRows);
  constexpr int64_t kRows = 16;
  const int64_t tasks = (rows + kRows - 1) / kRows;
#pragma omp parallel for schedule(static) if (tasks > 1)
  for (int64_t i = 0; i < tasks; ++i) {
    std::vector<std::byte> normed(static_cast<size_t>(kRows * width) * SizeOf(dtype));
    const int64_t count = std::min(kRows, rows - i * kRows);
    kernel(
        static_cast<const std::byte*>(x) + static_cast<size_t>(i * kRows * width) * SizeOf(dtype),
        dtype, 0, count, width, gamma, beta, eps, normed.data());
    for (int64_t r = 0; r < count; ++r) {
      QuantizeRow(normed.data() + static_cast<size_t>(r * width) * SizeOf(dtype), dtype, 0, width,
                  codes, y + (i * kRows + r) * width);
    }
  }
}

}  // namespace cpu
}  // namespace weft
#endif  // HWY_ONCE
