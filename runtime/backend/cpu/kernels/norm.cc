// Group normalisation. The loops over threads stand outside of the code that is compiled
// once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/backend/cpu/kernels/norm.cc"
#include "runtime/backend/cpu/kernels/norm.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
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

// Where values go, as they are.
template <typename T>
struct ToValues {
  T* y;
  void Next(int64_t stride) { y += stride; }
  template <Activation kActivation>
  HWY_INLINE void Put(Floats d, FloatVec value, int64_t c) const {
    StoreF(d, Activated<kActivation>(d, value), y + c);
  }
  template <Activation kActivation>
  HWY_INLINE void PutTail(Floats d, FloatVec value, int64_t c, size_t rest) const {
    StoreTail(d, Activated<kActivation>(d, value), y + c, rest);
  }
};

// Where they go in codes.
struct ToCodes {
  const float* inverse;
  const float* zero;
  uint8_t* y;
  void Next(int64_t stride) { y += stride; }
  template <Activation kActivation>
  static HWY_INLINE FloatVec Rough(Floats d, FloatVec value) {
    if constexpr (kActivation == Activation::kSilu) {
      return hn::Mul(value, RoughSigmoid(d, value));
    } else {
      return Activated<kActivation>(d, value);
    }
  }
  template <Activation kActivation>
  HWY_INLINE void Put(Floats d, FloatVec value, int64_t c) const {
    const hn::Rebind<uint8_t, Floats> d8;
    hn::StoreU(
        CodeOf(d, Rough<kActivation>(d, value), hn::LoadU(d, inverse + c), hn::LoadU(d, zero + c)),
        d8, y + c);
  }
  template <Activation kActivation>
  HWY_INLINE void PutTail(Floats d, FloatVec value, int64_t c, size_t rest) const {
    const hn::Rebind<uint8_t, Floats> d8;
    alignas(64) uint8_t codes[kMaxLanes];
    hn::StoreU(CodeOf(d, Rough<kActivation>(d, value), LoadTail(d, inverse + c, rest),
                      LoadTail(d, zero + c, rest)),
               d8, codes);
    std::memcpy(y + c, codes, rest);
  }
};

// What the pixels of a tile are normalised by: [channels] each.
struct Scaling {
  const float* mean;
  const float* scale;
  const float* beta;
};

template <Activation kActivation, typename T, typename Target>
void ScaleTile(const T* x, int64_t rows, int64_t channels, const Scaling& by, Target to,
               int64_t stride) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t r = 0; r < rows; ++r, x += channels, to.Next(stride)) {
    int64_t c = 0;
    for (; c + lanes <= channels; c += lanes) {
      const auto centred = hn::Sub(LoadF(d, x + c), hn::LoadU(d, by.mean + c));
      const auto value = hn::MulAdd(centred, hn::LoadU(d, by.scale + c), hn::LoadU(d, by.beta + c));
      to.template Put<kActivation>(d, value, c);
    }
    if (const auto rest = static_cast<size_t>(channels - c); rest > 0) {
      const auto centred = hn::Sub(LoadTail(d, x + c, rest), LoadTail(d, by.mean + c, rest));
      const auto value =
          hn::MulAdd(centred, LoadTail(d, by.scale + c, rest), LoadTail(d, by.beta + c, rest));
      to.template PutTail<kActivation>(d, value, c, rest);
    }
  }
}

template <typename T, typename Target>
void ScaleTyped(const T* x, int64_t rows, int64_t channels, const Scaling& by,
                Activation activation, const Target& to, int64_t stride) {
  switch (activation) {
    case Activation::kNone:
      return ScaleTile<Activation::kNone>(x, rows, channels, by, to, stride);
    case Activation::kSilu:
      return ScaleTile<Activation::kSilu>(x, rows, channels, by, to, stride);
    case Activation::kGelu:
      return ScaleTile<Activation::kGelu>(x, rows, channels, by, to, stride);
    case Activation::kGeluTanh:
      return ScaleTile<Activation::kGeluTanh>(x, rows, channels, by, to, stride);
    case Activation::kQuickGelu:
      return ScaleTile<Activation::kQuickGelu>(x, rows, channels, by, to, stride);
    case Activation::kRelu:
      return ScaleTile<Activation::kRelu>(x, rows, channels, by, to, stride);
  }
}

// Rows of `channels` to rows `stride` apart. `inverse` and `zero`: of the codes that y is told in;
// or null.
void GroupNormScale(const void* x, DType dtype, int64_t rows, int64_t channels, const float* mean,
                    const float* scale, const float* beta, Activation activation,
                    const float* inverse, const float* zero, void* y, int64_t stride) {
  const Scaling by{mean, scale, beta};
  const ToCodes codes{inverse, zero, static_cast<uint8_t*>(y)};
  if (dtype == DType::kBF16) {
    const auto* from = static_cast<const BF16*>(x);
    if (inverse != nullptr) return ScaleTyped(from, rows, channels, by, activation, codes, stride);
    const ToValues<BF16> values{static_cast<BF16*>(y)};
    return ScaleTyped(from, rows, channels, by, activation, values, stride);
  }
  const auto* from = static_cast<const float*>(x);
  if (inverse != nullptr) return ScaleTyped(from, rows, channels, by, activation, codes, stride);
  ScaleTyped(from, rows, channels, by, activation, ToValues<float>{static_cast<float*>(y)}, stride);
}

}  // namespace HWY_NAMESPACE
}  // namespace weft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft {
HWY_EXPORT(GroupNormSums);
HWY_EXPORT(GroupNormScale);

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

// Where pixel `pixel` of picture `b` lies in the frame of the codes.
int64_t PlaceInFrame(const CodeFrame& frame, int64_t b, int64_t pixel) {
  const int64_t row = b * frame.FullHeight() + frame.top + pixel / frame.width;
  return (row * frame.FullWidth() + frame.left + pixel % frame.width) * frame.channels;
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
  // Normalises pixels begin … begin + count of picture b to rows of the output's type at `to`.
  const auto scale = [&](int64_t b, int64_t begin, int64_t count, std::byte* to) {
    const float* mean = call.scratch + b * each + channels;
    const size_t size = call.codes != nullptr ? 1 : SizeOf(call.dtype);
    int64_t first = 0;
    for (const ChannelSource& source : call.sources) {
      scale_tile(At(source.data, (b * call.pixels + begin) * source.channels, call.dtype),
                 call.dtype, count, source.channels, mean + first, mean + channels + first,
                 beta + first, call.activation,
                 call.codes != nullptr ? call.codes->inverse.data() + first : nullptr,
                 call.codes != nullptr ? call.codes->zero.data() + first : nullptr,
                 to + static_cast<size_t>(first) * size, channels);
      first += source.channels;
    }
  };
  auto* const output = static_cast<std::byte*>(call.output);
#pragma omp parallel for collapse(2) schedule(static)
  for (int64_t b = 0; b < call.batch; ++b) {
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t begin = t * step;
      const int64_t end = std::min(begin + step, call.pixels);
      if (call.codes == nullptr) {
        scale(b, begin, end - begin,
              output +
                  static_cast<size_t>((b * call.pixels + begin) * channels) * SizeOf(call.dtype));
        continue;
      }
      for (int64_t p = begin; p < end;) {  // row by row, between the borders
        const int64_t count = std::min(call.frame.width - p % call.frame.width, end - p);
        scale(b, p, count, output + PlaceInFrame(call.frame, b, p));
        p += count;
      }
    }
  }
  if (call.codes != nullptr) {
    FillBorder(call.frame, *call.codes, static_cast<uint8_t*>(call.output));
  }
}

}  // namespace cpu
}  // namespace weft
#endif  // HWY_ONCE
