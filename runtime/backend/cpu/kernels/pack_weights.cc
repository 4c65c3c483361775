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

// Some channels of some rows, converted: [kRows, channels, packed taps].
struct Window {
  int64_t first_row, rows;
  int64_t first_channel, channels;
  int64_t taps;  // packed
};

class Converter {
 public:
  Converter(const StoredRows& rows, DType compute, int64_t packed_taps)
      : rows_(rows), compute_(compute), taps_(packed_taps) {}

  void Convert(const Window& window, std::byte* target) {
    const size_t size = SizeOf(rows_.dtype);
    const int64_t stored = window.channels * rows_.taps;
    const int64_t packed = window.channels * taps_;
    for (int64_t r = 0; r < window.rows; ++r) {
      const std::byte* from =
          rows_.data + static_cast<size_t>((window.first_row + r) * rows_.stride +
                                           window.first_channel * rows_.taps) *
                           size;
      std::byte* to = target + static_cast<size_t>(r * packed) * SizeOf(compute_);
      if (rows_.folded.empty()) {
        ConvertOnThisThread(from, rows_.dtype, to, compute_, stored);
        continue;
      }
      wide_.resize(static_cast<size_t>(stored));
      sums_.assign(static_cast<size_t>(packed), 0.0f);
      ConvertOnThisThread(from, rows_.dtype, wide_.data(), DType::kF32, stored);
      for (int64_t c = 0; c < window.channels; ++c) {
        for (int64_t tap = 0; tap < rows_.taps; ++tap) {
          sums_[static_cast<size_t>(c * taps_ + rows_.folded[static_cast<size_t>(tap)])] +=
              wide_[static_cast<size_t>(c * rows_.taps + tap)];
        }
      }
      ConvertOnThisThread(sums_.data(), DType::kF32, to, compute_, packed);
    }
  }

 private:
  const StoredRows& rows_;
  const DType compute_;
  const int64_t taps_;
  std::vector<float> wide_, sums_;
};

// Copies elements to their places, one by one.
template <typename Element>
void Place(const Window& window, const Element* from, const WeightPlaces& places, Element* target) {
  const int64_t row = window.channels * window.taps;
  const int64_t* out = &places.out[static_cast<size_t>(window.first_row)];
  for (int64_t c = 0; c < window.channels; ++c) {
    for (int64_t tap = 0; tap < window.taps; ++tap) {
      Element* to = target + places.in[static_cast<size_t>(window.first_channel + c)] +
                    places.tap[static_cast<size_t>(tap)];
      const Element* source = from + c * window.taps + tap;
      for (int64_t r = 0; r < window.rows; ++r) to[out[r]] = source[r * row];
    }
  }
}

// The same where two channels make a pair that lies together, as the bf16 instructions want it.
void PlacePairs(const Window& window, const uint16_t* from, const WeightPlaces& places,
                uint16_t* target) {
  const int64_t row = window.channels * window.taps;
  const int64_t* out = &places.out[static_cast<size_t>(window.first_row)];
  for (int64_t c = 0; c < window.channels; c += 2) {
    const bool alone = c + 1 == window.channels;  // the last of an odd number
    for (int64_t tap = 0; tap < window.taps; ++tap) {
      uint16_t* to = target + places.in[static_cast<size_t>(window.first_channel + c)] +
                     places.tap[static_cast<size_t>(tap)];
      const uint16_t* first = from + c * window.taps + tap;
      if (alone) {
        for (int64_t r = 0; r < window.rows; ++r) to[out[r]] = first[r * row];
        continue;
      }
      const uint16_t* second = first + window.taps;
      for (int64_t r = 0; r < window.rows; ++r) {
        const uint16_t pair[2] = {first[r * row], second[r * row]};
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
    Converter converter(rows, compute, taps);
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
