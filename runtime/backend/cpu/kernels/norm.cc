// Group and layer normalisation. The loops over threads stand outside of the code that is compiled
// once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/backend/cpu/kernels/norm.cc"
#include "runtime/backend/cpu/kernels/norm.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>
#include <vector>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "runtime/backend/cpu/kernels/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft {
namespace HWY_NAMESPACE {

// Of kVectors vectors of channels over `rows` pixels: Σ(x - shift) and Σ(x - shift)².
template <int kVectors, typename T>
HWY_INLINE void SumColumns(const T* x, int64_t rows, int64_t stride, const float* shift,
                           float* sums, float* squares) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  FloatVec base[kVectors], sum[kVectors], square[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    base[v] = hn::LoadU(d, shift + static_cast<size_t>(v) * lanes);
    sum[v] = square[v] = hn::Zero(d);
  }
  for (int64_t r = 0; r < rows; ++r, x += stride) {
    for (int v = 0; v < kVectors; ++v) {
      const auto delta = hn::Sub(LoadF(d, x + static_cast<size_t>(v) * lanes), base[v]);
      sum[v] = hn::Add(sum[v], delta);
      square[v] = hn::MulAdd(delta, delta, square[v]);
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    hn::StoreU(sum[v], d, sums + static_cast<size_t>(v) * lanes);
    hn::StoreU(square[v], d, squares + static_cast<size_t>(v) * lanes);
  }
}

template <typename T>
void SumTile(const T* x, int64_t rows, int64_t channels, const float* shift, float* sums,
             float* squares) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(Floats()));
  int64_t c = 0;
  for (; c + 4 * lanes <= channels; c += 4 * lanes) {
    SumColumns<4>(x + c, rows, channels, shift + c, sums + c, squares + c);
  }
  for (; c + lanes <= channels; c += lanes) {
    SumColumns<1>(x + c, rows, channels, shift + c, sums + c, squares + c);
  }
  for (; c < channels; ++c) {
    float sum = 0, square = 0;
    for (int64_t r = 0; r < rows; ++r) {
      float value;
      if constexpr (std::is_same_v<T, BF16>) {
        value = ToFloat(x[r * channels + c]);
      } else {
        value = x[r * channels + c];
      }
      const float delta = value - shift[c];
      sum += delta;
      square += delta * delta;
    }
    sums[c] = sum;
    squares[c] = square;
  }
}

void GroupNormSums(const void* x, DType dtype, int64_t rows, int64_t channels, const float* shift,
                   float* sums, float* squares) {
  if (dtype == DType::kBF16) {
    SumTile(static_cast<const BF16*>(x), rows, channels, shift, sums, squares);
  } else {
    SumTile(static_cast<const float*>(x), rows, channels, shift, sums, squares);
  }
}

template <Activation kActivation, typename T>
void ScaleTile(const T* x, int64_t rows, int64_t channels, const float* mean, const float* scale,
               const float* beta, T* y, int64_t y_stride) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t r = 0; r < rows; ++r, x += channels, y += y_stride) {
    int64_t c = 0;
    for (; c + lanes <= channels; c += lanes) {
      const auto centred = hn::Sub(LoadF(d, x + c), hn::LoadU(d, mean + c));
      const auto value = hn::MulAdd(centred, hn::LoadU(d, scale + c), hn::LoadU(d, beta + c));
      StoreF(d, Activated<kActivation>(d, value), y + c);
    }
    if (const auto rest = static_cast<size_t>(channels - c); rest > 0) {
      const auto centred = hn::Sub(LoadTail(d, x + c, rest), LoadTail(d, mean + c, rest));
      const auto value =
          hn::MulAdd(centred, LoadTail(d, scale + c, rest), LoadTail(d, beta + c, rest));
      StoreTail(d, Activated<kActivation>(d, value), y + c, rest);
    }
  }
}

template <typename T>
void ScaleTyped(const T* x, int64_t rows, int64_t channels, const float* mean, const float* scale,
                const float* beta, Activation activation, T* y, int64_t y_stride) {
  switch (activation) {
    case Activation::kNone:
      return ScaleTile<Activation::kNone>(x, rows, channels, mean, scale, beta, y, y_stride);
    case Activation::kSilu:
      return ScaleTile<Activation::kSilu>(x, rows, channels, mean, scale, beta, y, y_stride);
    case Activation::kGelu:
      return ScaleTile<Activation::kGelu>(x, rows, channels, mean, scale, beta, y, y_stride);
    case Activation::kGeluTanh:
      return ScaleTile<Activation::kGeluTanh>(x, rows, channels, mean, scale, beta, y, y_stride);
    case Activation::kQuickGelu:
      return ScaleTile<Activation::kQuickGelu>(x, rows, channels, mean, scale, beta, y, y_stride);
    case Activation::kRelu:
      return ScaleTile<Activation::kRelu>(x, rows, channels, mean, scale, beta, y, y_stride);
  }
}

void GroupNormScale(const void* x, DType dtype, int64_t rows, int64_t channels, const float* mean,
                    const float* scale, const float* beta, Activation activation, void* y,
                    int64_t y_stride) {
  if (dtype == DType::kBF16) {
    ScaleTyped(static_cast<const BF16*>(x), rows, channels, mean, scale, beta, activation,
               static_cast<BF16*>(y), y_stride);
  } else {
    ScaleTyped(static_cast<const float*>(x), rows, channels, mean, scale, beta, activation,
               static_cast<float*>(y), y_stride);
  }
}

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
HWY_EXPORT(GroupNormSums);
HWY_EXPORT(GroupNormScale);
HWY_EXPORT(LayerNormRows);

namespace cpu {
namespace {

// Pixels of one tile: at least 64, and no more than 256 tiles a picture.
int64_t TilePixels(int64_t pixels) { return std::max<int64_t>(64, (pixels + 255) / 256); }
int64_t Tiles(int64_t pixels) { return (pixels + TilePixels(pixels) - 1) / TilePixels(pixels); }

const std::byte* At(const void* data, int64_t index, DType dtype) {
  return static_cast<const std::byte*>(data) + static_cast<size_t>(index) * SizeOf(dtype);
}

// Puts the tiles' sums of one picture together: mean and scale of every channel's group.
void GroupStatistics(const GroupNormCall& call, const float* shift, const float* sums,
                     const float* squares, int64_t tiles, float* mean, float* scale) {
  const int64_t size = call.channels / call.groups;
  const double count = static_cast<double>(call.pixels) * static_cast<double>(size);
  const auto pixels = static_cast<double>(call.pixels);
  std::vector<double> total(static_cast<size_t>(call.channels));
  std::vector<double> total_square(static_cast<size_t>(call.channels));
  for (int64_t t = 0; t < tiles; ++t) {
    for (int64_t c = 0; c < call.channels; ++c) {
      total[static_cast<size_t>(c)] += sums[t * call.channels + c];
      total_square[static_cast<size_t>(c)] += squares[t * call.channels + c];
    }
  }
  for (int64_t g = 0; g < call.groups; ++g) {
    double group_sum = 0;
    for (int64_t c = g * size; c < (g + 1) * size; ++c) {
      group_sum += total[static_cast<size_t>(c)] + pixels * static_cast<double>(shift[c]);
    }
    const double group_mean = group_sum / count;
    double variance = 0;
    for (int64_t c = g * size; c < (g + 1) * size; ++c) {
      // Σ(x - m)² = Σ(x - s)² + 2(s - m)·Σ(x - s) + n(s - m)²
      const double offset = static_cast<double>(shift[c]) - group_mean;
      variance += total_square[static_cast<size_t>(c)] +
                  2 * offset * total[static_cast<size_t>(c)] + pixels * offset * offset;
    }
    variance = std::max(variance / count, 0.0);
    const double inverse = 1.0 / std::sqrt(variance + static_cast<double>(call.eps));
    for (int64_t c = g * size; c < (g + 1) * size; ++c) {
      mean[c] = static_cast<float>(group_mean);
      const double gamma = call.gamma != nullptr ? static_cast<double>(call.gamma[c]) : 1.0;
      scale[c] = static_cast<float>(inverse * gamma);
    }
  }
}

// Pixels begin … begin + count of picture `b`, which lie in one row, as codes.
template <typename Scale>
void PixelsToCodes(const GroupNormCall& call, const Scale& scale, int64_t b, int64_t begin,
                   int64_t count, std::byte* normed) {
  scale(b, begin, count, normed);
  const CodeFrame& frame = call.frame;
  const int64_t row = b * frame.FullHeight() + frame.top + begin / frame.width;
  const int64_t column = frame.left + begin % frame.width;
  auto* codes =
      static_cast<uint8_t*>(call.output) + (row * frame.FullWidth() + column) * call.channels;
  for (int64_t p = 0; p < count; ++p) {
    QuantizeRow(At(normed, p * call.channels, call.dtype), call.dtype, 0, call.channels,
                *call.codes, codes + p * call.channels);
  }
}

}  // namespace

int64_t GroupNormScratch(int64_t batch, int64_t pixels, int64_t channels) {
  // Of each picture: shift, mean, scale, and the sums of each tile. And beta, once.
  return channels * (batch * (3 + 2 * Tiles(pixels)) + 1);
}

void GroupNorm(const GroupNormCall& call) {
  const auto sum_tile = HWY_DYNAMIC_DISPATCH(GroupNormSums);
  const auto scale_tile = HWY_DYNAMIC_DISPATCH(GroupNormScale);
  const int64_t step = TilePixels(call.pixels);
  const int64_t tiles = Tiles(call.pixels);
  const int64_t channels = call.channels;
  const int64_t each = channels * (3 + 2 * tiles);
  float* beta = call.scratch + call.batch * each;
  if (call.beta != nullptr) {
    std::copy(call.beta, call.beta + channels, beta);
  } else {
    std::fill(beta, beta + channels, 0.0f);
  }
  for (int64_t b = 0; b < call.batch; ++b) {
    int64_t first = 0;
    for (const ChannelSource& source : call.sources) {
      const std::byte* row = At(source.data, b * call.pixels * source.channels, call.dtype);
      ConvertElements(row, call.dtype, call.scratch + b * each + first, DType::kF32,
                      source.channels);
      first += source.channels;
    }
  }
#pragma omp parallel for collapse(2) schedule(static)
  for (int64_t b = 0; b < call.batch; ++b) {
    for (int64_t t = 0; t < tiles; ++t) {
      float* shift = call.scratch + b * each;
      float* sums = shift + 3 * channels + t * channels;
      const int64_t begin = t * step;
      const int64_t rows = std::min(step, call.pixels - begin);
      int64_t first = 0;
      for (const ChannelSource& source : call.sources) {
        sum_tile(At(source.data, (b * call.pixels + begin) * source.channels, call.dtype),
                 call.dtype, rows, source.channels, shift + first, sums + first,
                 sums + tiles * channels + first);
        first += source.channels;
      }
    }
  }
#pragma omp parallel for schedule(static) if (call.batch > 1)
  for (int64_t b = 0; b < call.batch; ++b) {
    float* shift = call.scratch + b * each;
    float* sums = shift + 3 * channels;
    GroupStatistics(call, shift, sums, sums + tiles * channels, tiles, shift + channels,
                    shift + 2 * channels);
  }
  // Normalises pixels begin … begin + count of picture b to dense rows at `to`.
  const auto scale = [&](int64_t b, int64_t begin, int64_t count, std::byte* to) {
    const float* mean = call.scratch + b * each + channels;
    int64_t first = 0;
    for (const ChannelSource& source : call.sources) {
      scale_tile(At(source.data, (b * call.pixels + begin) * source.channels, call.dtype),
                 call.dtype, count, source.channels, mean + first, mean + channels + first,
                 beta + first, call.activation,
                 to + static_cast<size_t>(first) * SizeOf(call.dtype), channels);
      first += source.channels;
    }
  };
#pragma omp parallel for collapse(2) schedule(static)
  for (int64_t b = 0; b < call.batch; ++b) {
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t begin = t * step;
      const int64_t end = std::min(begin + step, call.pixels);
      if (call.codes == nullptr) {
        scale(b, begin, end - begin,
              const_cast<std::byte*>(
                  At(call.output, (b * call.pixels + begin) * channels, call.dtype)));
        continue;
      }
      constexpr int64_t kPixels = 8;  // at a time, so that they stay in the nearest cache
      std::vector<std::byte> normed(static_cast<size_t>(kPixels * channels) * SizeOf(call.dtype));
      for (int64_t p = begin; p < end;) {
        const int64_t of_row = call.frame.width - p % call.frame.width;
        const int64_t count = std::min({kPixels, of_row, end - p});
        PixelsToCodes(call, scale, b, p, count, normed.data());
        p += count;
      }
    }
  }
  if (call.codes != nullptr) {
    FillBorder(call.frame, *call.codes, static_cast<uint8_t*>(call.output));
  }
}

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
    kernel(At(x, i * kRows * width, dtype), dtype, 0, count, width, gamma, beta, eps,
           normed.data());
    for (int64_t r = 0; r < count; ++r) {
      QuantizeRow(At(normed.data(), r * width, dtype), dtype, 0, width, codes,
                  y + (i * kRows + r) * width);
    }
  }
}

}  // namespace cpu
}  // namespace weft
#endif  // HWY_ONCE
