#include "runtime/backend/cpu/kernels/pack_weights.h"

#include <algorithm>
#include <cstring>

#include "runtime/backend/cpu/kernels/elementwise.h"
#include "runtime/backend/cpu/kernels/quantize.h"

namespace weft::cpu {
namespace {

// Rows that are taken together: as many as a cache line has pairs of bf16, which is what layouts
// put next to each other.
constexpr int64_t kRows = 16;
// Elements of a row that are converted at a time, so that kRows of them stay in the first cache.
constexpr int64_t kElements = 512;

// Some channels of some rows, converted: an element of row r, channel c and packed tap t lies at
// r · row + c · channel + t · tap.
struct Window {
  int64_t first_row, rows;
  int64_t first_channel, channels;
  int64_t taps;  // packed
  int64_t row, channel, tap;
};

class Converter {
 public:
  Converter(const StoredRows& rows, DType compute) : rows_(rows), compute_(compute) {}

  // Fills in the window's strides.
  void Convert(Window& window, std::byte* target) {
    const bool sums = rows_.sums.count > 0;
    window.row = window.channels * window.taps;
    window.channel = sums ? 1 : window.taps;
    window.tap = sums ? window.channels : 1;
    const int64_t stored = window.channels * rows_.taps;
    for (int64_t r = 0; r < window.rows; ++r) {
      const std::byte* from =
          rows_.data + static_cast<size_t>((window.first_row + r) * rows_.stride +
                                           window.first_channel * rows_.taps) *
                           SizeOf(rows_.dtype);
      std::byte* to = target + static_cast<size_t>(r * window.row) * SizeOf(compute_);
      if (sums) {
        Sum(from, window.channels);
        ConvertOnThisThread(sums_.data(), DType::kF32, to, compute_, window.row);
      } else {
        ConvertOnThisThread(from, rows_.dtype, to, compute_, stored);
      }
    }
  }

 private:
  // sums_ [packed tap][channel]
  void Sum(const std::byte* from, int64_t channels) {
    const int64_t taps = rows_.taps;
    wide_.resize(static_cast<size_t>(channels * taps));
    by_tap_.resize(wide_.size());
    ConvertOnThisThread(from, rows_.dtype, wide_.data(), DType::kF32, channels * taps);
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t t = 0; t < taps; ++t) by_tap_[t * channels + c] = wide_[c * taps + t];
    }
    sums_.assign(static_cast<size_t>(channels * rows_.sums.count), 0.0f);
    for (int64_t p = 0; p < rows_.sums.count; ++p) {
      float* sum = &sums_[p * channels];
      for (int64_t t = 0; t < taps; ++t) {
        const float factor = rows_.sums.factors[p * taps + t];
        const float* tap = &by_tap_[t * channels];
        if (factor == 0) continue;
        for (int64_t c = 0; c < channels; ++c) sum[c] += factor * tap[c];
      }
    }
  }

  const StoredRows& rows_;
  const DType compute_;
  std::vector<float> wide_, by_tap_, sums_;
};

// Copies elements to their places, one by one.
template <typename Element>
void Place(const Window& window, const Element* from, const WeightPlaces& places, Element* target) {
  const int64_t* out = &places.out[static_cast<size_t>(window.first_row)];
  for (int64_t c = 0; c < window.channels; ++c) {
    for (int64_t tap = 0; tap < window.taps; ++tap) {
      Element* to = target + places.in[static_cast<size_t>(window.first_channel + c)] +
                    places.tap[static_cast<size_t>(tap)];
      const Element* source = from + c * window.channel + tap * window.tap;
      for (int64_t r = 0; r < window.rows; ++r) to[out[r]] = source[r * window.row];
    }
  }
}

// The same where `kGroup` channels lie together, as products want them: pairs of bf16, fours of
// codes.
template <int kGroup, typename Element>
void PlaceGroups(const Window& window, const Element* from, const WeightPlaces& places,
                 Element* target) {
  const int64_t* out = &places.out[static_cast<size_t>(window.first_row)];
  for (int64_t c = 0; c < window.channels; c += kGroup) {
    const int64_t count = std::min<int64_t>(kGroup, window.channels - c);
    for (int64_t tap = 0; tap < window.taps; ++tap) {
      Element* to = target + places.in[static_cast<size_t>(window.first_channel + c)] +
                    places.tap[static_cast<size_t>(tap)];
      const Element* first = from + c * window.channel + tap * window.tap;
      if (count < kGroup) {  // the last of them
        for (int64_t i = 0; i < count; ++i) {
          for (int64_t r = 0; r < window.rows; ++r) {
            to[out[r] + i] = first[r * window.row + i * window.channel];
          }
        }
        continue;
      }
      for (int64_t r = 0; r < window.rows; ++r) {
        Element group[kGroup];
        for (int i = 0; i < kGroup; ++i) group[i] = first[r * window.row + i * window.channel];
        std::memcpy(to + out[r], group, sizeof(group));
      }
    }
  }
}

bool ChannelsInGroups(const WeightPlaces& places, size_t group) {
  for (size_t c = 0; c < places.in.size(); ++c) {
    if (places.in[c] != places.in[c / group * group] + static_cast<int64_t>(c % group)) {
      return false;
    }
  }
  return true;
}

void Clear(std::byte* target, int64_t bytes) {
  constexpr int64_t kBlock = int64_t{1} << 20;
#pragma omp parallel for schedule(static)
  for (int64_t begin = 0; begin < bytes; begin += kBlock) {
    std::memset(target + begin, 0, static_cast<size_t>(std::min(kBlock, bytes - begin)));
  }
}

}  // namespace

void PackWeights(const StoredRows& rows, const WeightPlaces& places, DType compute, void* target) {
  const auto taps = static_cast<int64_t>(places.tap.size());
  const auto size = static_cast<int64_t>(SizeOf(compute));
  if (places.size != rows.count * rows.channels * taps) {
    Clear(static_cast<std::byte*>(target), places.size * size);
  }
  const bool pairs = compute == DType::kBF16 && ChannelsInGroups(places, 2);
  const int64_t step = std::max<int64_t>(2, kElements / std::max(taps, rows.taps) / 2 * 2);
  const int64_t blocks = (rows.count + kRows - 1) / kRows;
#pragma omp parallel
  {
    Converter converter(rows, compute);
    std::vector<std::byte> converted(static_cast<size_t>(kRows * step * taps * size));
#pragma omp for schedule(dynamic)
    for (int64_t block = 0; block < blocks; ++block) {
      Window window{};
      window.first_row = block * kRows;
      window.rows = std::min(kRows, rows.count - window.first_row);
      window.taps = taps;
      for (int64_t first = 0; first < rows.channels; first += step) {
        window.first_channel = first;
        window.channels = std::min(step, rows.channels - first);
        converter.Convert(window, converted.data());
        if (pairs) {
          PlaceGroups<2>(window, reinterpret_cast<const uint16_t*>(converted.data()), places,
                         static_cast<uint16_t*>(target));
        } else if (compute == DType::kBF16) {
          Place(window, reinterpret_cast<const uint16_t*>(converted.data()), places,
                static_cast<uint16_t*>(target));
        } else {
          Place(window, reinterpret_cast<const float*>(converted.data()), places,
                static_cast<float*>(target));
        }
      }
    }
  }
}

void PackWeightCodes(const StoredRows& rows, const WeightPlaces& places, const WeightCodes& codes,
                     int8_t* target) {
  Window whole{};
  whole.channels = rows.channels;
  whole.taps = static_cast<int64_t>(places.tap.size());
  const int64_t length = whole.channels * whole.taps;
  if (places.size != rows.count * length) {
    Clear(reinterpret_cast<std::byte*>(target), places.size);
  }
  const bool fours = ChannelsInGroups(places, 4);
  const int64_t blocks = (rows.count + kRows - 1) / kRows;
#pragma omp parallel
  {
    Converter converter(rows, DType::kF32);
    std::vector<float> converted(static_cast<size_t>(kRows * length));
    std::vector<int8_t> coded(converted.size());
    std::vector<float> factor, zero;  // of each element of a row as it is converted
#pragma omp for schedule(dynamic)
    for (int64_t block = 0; block < blocks; ++block) {
      Window window = whole;
      window.first_row = block * kRows;
      window.rows = std::min(kRows, rows.count - window.first_row);
      converter.Convert(window, reinterpret_cast<std::byte*>(converted.data()));
      if (factor.empty()) {
        factor.resize(static_cast<size_t>(length));
        zero.resize(factor.size());
        for (int64_t c = 0; c < window.channels; ++c) {
          for (int64_t tap = 0; tap < window.taps; ++tap) {
            const auto at = static_cast<size_t>(c * window.channel + tap * window.tap);
            factor[at] = codes.factor[c];
            zero[at] = codes.zero[c];
          }
        }
      }
      for (int64_t r = 0; r < window.rows; ++r) {
        const auto begin = static_cast<size_t>(r * length);
        QuantizeWeightRow(&converted[begin], length, factor.data(), zero.data(), &coded[begin],
                          codes.scales + window.first_row + r,
                          codes.offsets + window.first_row + r);
      }
      if (fours) {
        PlaceGroups<4>(window, coded.data(), places, target);
      } else {
        Place(window, coded.data(), places, target);
      }
    }
  }
}

}  // namespace weft::cpu
