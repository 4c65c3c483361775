// Codes of 8 bits from activations and weights. The loops over threads stand outside of the code
// that is compiled once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/backend/cpu/kernels/quantize.cc"
#include "runtime/backend/cpu/kernels/quantize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "runtime/backend/cpu/kernels/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft {
namespace HWY_NAMESPACE {

template <typename T>
void CodesOf(const T* x, int64_t count, const float* inverse, const float* zero, uint8_t* codes) {
  const Floats d;
  const hn::Rebind<uint8_t, Floats> d8;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(CodeOf(d, LoadF(d, x + i), hn::LoadU(d, inverse + i), hn::LoadU(d, zero + i)), d8,
               codes + i);
  }
  if (const auto rest = static_cast<size_t>(count - i); rest > 0) {
    alignas(64) uint8_t tail[kMaxLanes];
    hn::StoreU(CodeOf(d, LoadTail(d, x + i, rest), LoadTail(d, inverse + i, rest),
                      LoadTail(d, zero + i, rest)),
               d8, tail);
    std::memcpy(codes + i, tail, rest);
  }
}

void CodeSpan(const void* x, DType dtype, int64_t count, const float* inverse, const float* zero,
              uint8_t* codes) {
  if (dtype == DType::kBF16) {
    CodesOf(static_cast<const BF16*>(x), count, inverse, zero, codes);
  } else {
    CodesOf(static_cast<const float*>(x), count, inverse, zero, codes);
  }
}

float LargestWeightOf(const float* row, int64_t count, const float* factor) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t full = count / lanes * lanes;
  auto largest = hn::Zero(d);
  for (int64_t i = 0; i < full; i += lanes) {
    largest = hn::Max(largest, hn::Abs(hn::Mul(hn::LoadU(d, row + i), hn::LoadU(d, factor + i))));
  }
  if (const auto rest = static_cast<size_t>(count - full); rest > 0) {
    largest = hn::Max(
        largest, hn::Abs(hn::Mul(LoadTail(d, row + full, rest), LoadTail(d, factor + full, rest))));
  }
  return hn::GetLane(hn::MaxOfLanes(d, largest));
}

int64_t WeightCodesOf(const float* row, int64_t count, const float* factor, const float* zero,
                      float scale, int8_t* codes) {
  const Floats d;
  const hn::RebindToSigned<Floats> di;
  const hn::Rebind<int8_t, Floats> d8;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t full = count / lanes * lanes;
  const auto inverse = hn::Set(d, 1.0f / scale);
  const auto most_code = hn::Set(d, 127.0f);
  const auto round = [&](FloatVec value, FloatVec by) HWY_ATTR {
    const auto code = hn::Mul(hn::Mul(value, by), inverse);
    return hn::NearestInt(hn::Min(hn::Max(code, hn::Neg(most_code)), most_code));
  };
  auto sum = hn::Zero(di);  // at most 127 · 255 each: 60,000 of them fit a lane
  for (int64_t i = 0; i < full; i += lanes) {
    const auto code = round(hn::LoadU(d, row + i), hn::LoadU(d, factor + i));
    hn::StoreU(hn::DemoteTo(d8, code), d8, codes + i);
    sum = hn::Add(sum, hn::Mul(code, hn::NearestInt(hn::LoadU(d, zero + i))));
  }
  if (const auto rest = static_cast<size_t>(count - full); rest > 0) {
    const auto code = round(LoadTail(d, row + full, rest), LoadTail(d, factor + full, rest));
    alignas(64) int8_t tail[kMaxLanes];
    hn::StoreU(hn::DemoteTo(d8, code), d8, tail);
    std::memcpy(codes + full, tail, rest);
    sum = hn::Add(sum, hn::Mul(code, hn::NearestInt(LoadTail(d, zero + full, rest))));
  }
  alignas(64) int32_t parts[kMaxLanes];
  hn::StoreU(sum, di, parts);
  int64_t total = 0;
  for (int64_t i = 0; i < lanes; ++i) total += parts[i];
  return total;
}

}  // namespace HWY_NAMESPACE
}  // namespace weft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft {
HWY_EXPORT(CodeSpan);
HWY_EXPORT(LargestWeightOf);
HWY_EXPORT(WeightCodesOf);

namespace cpu {
namespace {

constexpr int64_t kChunk = 16384;  // elements that are worth a second thread

void FillZeros(const uint8_t* zero, int64_t channels, int64_t pixels, uint8_t* codes) {
  for (int64_t p = 0; p < pixels; ++p) std::copy_n(zero, channels, codes + p * channels);
}

}  // namespace

CodeMaker::CodeMaker(const Int8Input& input) : zero_code(input.zero) {
  inverse.reserve(input.scale.size());
  for (const float scale : input.scale) inverse.push_back(1.0f / scale);
  zero.assign(input.zero.begin(), input.zero.end());
}

void QuantizeRow(const void* x, DType dtype, int64_t first, int64_t channels,
                 const CodeMaker& maker, uint8_t* codes) {
  HWY_DYNAMIC_DISPATCH(CodeSpan)
  (x, dtype, channels, maker.inverse.data() + first, maker.zero.data() + first, codes);
}

void QuantizeRows(const void* x, DType dtype, int64_t rows, int64_t first, int64_t channels,
                  const CodeMaker& maker, uint8_t* codes, int64_t stride) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(CodeSpan);
  const auto* from = static_cast<const std::byte*>(x);
  const auto row_bytes = channels * static_cast<int64_t>(SizeOf(dtype));
#pragma omp parallel for schedule(static) if (rows * channels > kChunk)
  for (int64_t r = 0; r < rows; ++r) {
    kernel(from + r * row_bytes, dtype, channels, maker.inverse.data() + first,
           maker.zero.data() + first, codes + r * stride);
  }
}

void QuantizePictures(const void* x, DType dtype, const CodeFrame& frame, int64_t first,
                      int64_t count, const CodeMaker& maker, uint8_t* codes) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(CodeSpan);
  const auto* from = static_cast<const std::byte*>(x);
  const auto pixel_bytes = count * static_cast<int64_t>(SizeOf(dtype));
  const int64_t height = frame.FullHeight();
  const int64_t width = frame.FullWidth();
  const uint8_t* zero = maker.zero_code.data() + first;
#pragma omp parallel for schedule(static) if (frame.batch * height * width * count > kChunk)
  for (int64_t row = 0; row < frame.batch * height; ++row) {
    uint8_t* to = codes + row * width * frame.channels + first;
    const int64_t y = row % height - frame.top;
    const bool inside = y >= 0 && y < frame.height;
    const int64_t begin = inside ? frame.left : width;
    const std::byte* pixels = from + (row / height * frame.height + y) * frame.width * pixel_bytes;
    for (int64_t i = 0; i < width; ++i, to += frame.channels) {
      if (i < begin || i >= begin + frame.width) {
        std::copy_n(zero, count, to);
      } else {
        kernel(pixels + (i - begin) * pixel_bytes, dtype, count, maker.inverse.data() + first,
               maker.zero.data() + first, to);
      }
    }
  }
}

void FillBorder(const CodeFrame& frame, const CodeMaker& maker, uint8_t* codes) {
  const int64_t c = frame.channels;
  const int64_t width = frame.FullWidth();
  const uint8_t* zero = maker.zero_code.data();
  for (int64_t b = 0; b < frame.batch; ++b) {
    uint8_t* picture = codes + b * frame.FullHeight() * width * c;
    FillZeros(zero, c, frame.top * width, picture);
    for (int64_t y = 0; y < frame.height; ++y) {
      uint8_t* row = picture + (frame.top + y) * width * c;
      FillZeros(zero, c, frame.left, row);
      FillZeros(zero, c, frame.right, row + (frame.left + frame.width) * c);
    }
    FillZeros(zero, c, frame.bottom * width, picture + (frame.top + frame.height) * width * c);
  }
}

float LargestWeight(const float* row, int64_t count, const float* factor) {
  return HWY_DYNAMIC_DISPATCH(LargestWeightOf)(row, count, factor);
}

float WeightScale(float largest) {
  // Rows of less than any weight that counts are zeros: the inverse of their scale would be
  // infinite.
  constexpr float kLeast = 127.0f * std::numeric_limits<float>::min();
  return largest >= kLeast ? largest / 127.0f : 1.0f;
}

int64_t WeightCodes(const float* row, int64_t count, const float* factor, const float* zero,
                    float scale, int8_t* codes) {
  return HWY_DYNAMIC_DISPATCH(WeightCodesOf)(row, count, factor, zero, scale, codes);
}

}  // namespace cpu
}  // namespace weft
#endif  // HWY_ONCE
