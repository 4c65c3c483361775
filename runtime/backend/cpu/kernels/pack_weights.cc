#include "runtime/backend/cpu/kernels/pack_weights.h"

#include <algorithm>
#include <cstring>

#include "runtime/backend/cpu/kernels/elementwise.h"

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

// The same where two channels make a pair that lies together, as the bf16 instructions want it.
void PlacePairs(const Window& window, const uint16_t* from, const WeightPlaces& places,
                uint16_t* target) {
  const int64_t* out = &places.out[static_cast<size_t>(window.first_row)];
  for (int64_t c = 0; c < window.channels; c += 2) {
    const bool alone = c + 1 == window.channels;  // the last of an odd number
    for (int64_t tap = 0; tap < window.taps; ++tap) {
      uint16_t* to = target + places.in[static_cast<size_t>(window.first_channel + c)] +
                     places.tap[static_cast<size_t>(tap)];
      const uint16_t* first = from + c * window.channel + tap * window.tap;
      if (alone) {
        for (int64_t r = 0; r < window.rows; ++r) to[out[r]] = first[r * window.row];
        continue;
      }
      const uint16_t* second = first + window.channel;
      for (int64_t r = 0; r < window.rows; ++r) {
        const uint16_t pair[2] = {first[r * window.row], second[r * window.row]};
        std::memcpy(to + out[r], pair, sizeof(pair));
      }
    }
  }
}

bool ChannelsInPairs(const WeightPlaces& places) {
  for (size_t c = 0; c + 1 < places.in.size(); c += 2) {
    if (places.in[c + 1] != places.in[c] + 1) return false;
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
  const bool pairs = compute == DType::kBF16 && ChannelsInPairs(places);
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
          PlacePairs(window, reinterpret_cast<const uint16_t*>(converted.data()), places,
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

}  // namespace weft::cpu
