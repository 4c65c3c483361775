#include "runtime/backend/cpu/kernels/pack_weights.h"

#include <omp.h>

#include <algorithm>
#include <cstring>

#include "runtime/backend/cpu/kernels/elementwise.h"
#include "runtime/backend/cpu/kernels/quantize.h"
#include "runtime/backend/footprint.h"
#include "runtime/base/file.h"
#include "runtime/tensor/finite.h"

namespace weft::cpu {
namespace {

// Rows that are taken together.
constexpr int64_t kRows = kTransposedRows;
// Elements of a row that are converted at a time, so that kRows of them stay in the first cache.
constexpr int64_t kElements = 512;
// The same where they become codes, which are of the whole row. No power of 2, or kRows of codes
// would fall into the same few sets of that cache.
constexpr int64_t kElementsOfCodes = 1152;

class Converter {
 public:
  Converter(const StoredRows& rows, DType compute) : rows_(rows), compute_(compute) {}

  void SetStrides(WeightWindow& window) const {
    const bool sums = rows_.sums.count > 0;
    window.row = window.channels * window.taps;
    window.channel = sums ? 1 : window.taps;
    window.tap = sums ? window.channels : 1;
  }

  // Fills in the window's strides.
  void Convert(WeightWindow& window, std::byte* target) {
    const bool sums = rows_.sums.count > 0;
    SetStrides(window);
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

// Blocks of kRows that a thread takes at a time, so that what all threads have read stays within
// kPackingWindow.
int64_t BlocksAtATime(const StoredRows& rows) {
  const auto block = static_cast<size_t>(kRows * rows.stride) * SizeOf(rows.dtype);
  const size_t fitting = kPackingWindow / static_cast<size_t>(omp_get_max_threads()) / block;
  const int64_t fair = (rows.count / kRows + 1) / (4 * omp_get_max_threads());
  return std::max<int64_t>(1, std::min(static_cast<int64_t>(fitting), fair));
}

// Looks at rows in the order in which they lie, which brings them into the second cache for what
// follows: faster than that could take them from memory, piece by piece from each row.
bool AllFinite(const StoredRows& rows, int64_t first, int64_t count) {
  bool finite = true;
  for (int64_t r = first; r < first + count; ++r) {
    const std::byte* row = rows.data + static_cast<size_t>(r * rows.stride) * SizeOf(rows.dtype);
    finite = finite && FirstNonFinite(row, rows.dtype, rows.channels * rows.taps) < 0;
  }
  return finite;
}

// Lets the pages of rows that have been packed go.
void LetGo(const StoredRows& rows, int64_t first, int64_t count) {
  const size_t size = SizeOf(rows.dtype);
  MappedFile::HaveBeenRead(
      rows.data + static_cast<size_t>(first * rows.stride) * size,
      static_cast<size_t>((count - 1) * rows.stride + rows.channels * rows.taps) * size);
}

absl::Status Looked(bool all_finite) {
  return all_finite ? absl::OkStatus() : absl::DataLossError("a weight holds NaN or infinity");
}

void Clear(std::byte* target, int64_t bytes) {
  constexpr int64_t kBlock = int64_t{1} << 20;
#pragma omp parallel for schedule(static)
  for (int64_t begin = 0; begin < bytes; begin += kBlock) {
    std::memset(target + begin, 0, static_cast<size_t>(std::min(kBlock, bytes - begin)));
  }
}

}  // namespace

absl::Status PackWeights(const StoredRows& rows, const WeightPlaces& places, DType compute,
                         void* target) {
  const auto taps = static_cast<int64_t>(places.tap.size());
  const auto size = static_cast<int64_t>(SizeOf(compute));
  if (places.size != rows.count * rows.channels * taps) {
    Clear(static_cast<std::byte*>(target), places.size * size);
  }
  const int64_t step = std::max<int64_t>(2, kElements / std::max(taps, rows.taps) / 2 * 2);
  const int64_t rows_at_a_time = BlocksAtATime(rows) * kRows;
  bool all_finite = true;
#pragma omp parallel reduction(&& : all_finite)
  {
    Converter converter(rows, compute);
    WeightPlacer placer(places, SizeOf(compute), target);
    std::vector<std::byte> converted(static_cast<size_t>(kRows * step * taps * size) +
                                     WeightPlacer::kReadBehind);
#pragma omp for schedule(dynamic)
    for (int64_t first = 0; first < rows.count; first += rows_at_a_time) {
      const int64_t end = std::min(rows.count, first + rows_at_a_time);
      for (int64_t row = first; row < end; row += kRows) {
        WeightWindow window{};
        window.first_row = row;
        window.rows = std::min(kRows, end - row);
        window.taps = taps;
        all_finite = all_finite && AllFinite(rows, row, window.rows);
        for (int64_t channel = 0; channel < rows.channels; channel += step) {
          window.first_channel = channel;
          window.channels = std::min(step, rows.channels - channel);
          converter.Convert(window, converted.data());
          placer.Place(window, converted.data());
        }
      }
      LetGo(rows, first, end - first);
    }
  }
  return Looked(all_finite);
}

namespace {

// What one thread needs to make codes of some rows at a time.
class Coder {
 public:
  Coder(const StoredRows& rows, const WeightPlaces& places, const CodeTerms& terms, int8_t* target)
      : rows_(rows),
        terms_(terms),
        taps_(static_cast<int64_t>(places.tap.size())),
        step_(std::max<int64_t>(4, kElementsOfCodes / std::max(taps_, rows.taps) / 4 * 4)),
        placer_(places, sizeof(int8_t), target),
        converter_(rows, DType::kF32),
        converted_(static_cast<size_t>(kRows * step_ * taps_)),
        coded_(converted_.size() + WeightPlacer::kReadBehind),
        factor_(static_cast<size_t>(rows.channels * taps_)),
        zero_(factor_.size()) {
    for (int64_t first = 0; first < rows.channels; first += step_) {
      WeightWindow window{.first_channel = first,
                          .channels = std::min(step_, rows.channels - first),
                          .taps = taps_};
      converter_.SetStrides(window);
      for (int64_t c = 0; c < window.channels; ++c) {
        for (int64_t tap = 0; tap < taps_; ++tap) {
          const int64_t at = first * taps_ + c * window.channel + tap * window.tap;
          factor_[at] = terms.factor[first + c];
          zero_[at] = terms.zero[first + c];
        }
      }
    }
  }

  // Rows first … first + count, at most kRows: once for their scales, once for their codes.
  void Pack(int64_t first, int64_t count) {
    float largest[kRows] = {};
    int64_t offsets[kRows] = {};
    ForWindows(first, count, [&](const WeightWindow& window, const float* row, int64_t r) {
      largest[r] = std::max(largest[r],
                            LargestWeight(row, window.row, &factor_[window.first_channel * taps_]));
    });
    for (int64_t r = 0; r < count; ++r) terms_.scales[first + r] = WeightScale(largest[r]);
    ForWindows(first, count, [&](const WeightWindow& window, const float* row, int64_t r) {
      offsets[r] += WeightCodes(row, window.row, &factor_[window.first_channel * taps_],
                                &zero_[window.first_channel * taps_], terms_.scales[first + r],
                                &coded_[r * window.row]);
      if (r + 1 == count) placer_.Place(window, coded_.data());
    });
    for (int64_t r = 0; r < count; ++r) {
      terms_.offsets[first + r] = static_cast<float>(static_cast<double>(offsets[r]) *
                                                     static_cast<double>(terms_.scales[first + r]));
    }
  }

 private:
  // Calls `each` for every row of every window of channels. A window that is there is not
  // converted again.
  template <typename Each>
  void ForWindows(int64_t first, int64_t count, const Each& each) {
    for (int64_t channel = 0; channel < rows_.channels; channel += step_) {
      if (window_.first_row != first || window_.rows != count || window_.first_channel != channel) {
        Take(first, count, channel);
      }
      for (int64_t r = 0; r < count; ++r) each(window_, &converted_[r * window_.row], r);
    }
  }

  void Take(int64_t first, int64_t count, int64_t channel) {
    window_ = {.first_row = first,
               .rows = count,
               .first_channel = channel,
               .channels = std::min(step_, rows_.channels - channel),
               .taps = taps_};
    converter_.Convert(window_, reinterpret_cast<std::byte*>(converted_.data()));
  }

  const StoredRows& rows_;
  const CodeTerms& terms_;
  const int64_t taps_;  // packed
  const int64_t step_;  // channels a window
  WeightPlacer placer_;
  Converter converter_;
  WeightWindow window_{.first_channel = -1};  // whose values converted_ holds
  std::vector<float> converted_;
  std::vector<int8_t> coded_;
  std::vector<float> factor_, zero_;  // of each element of a row, window by window
};

}  // namespace

absl::Status PackWeightCodes(const StoredRows& rows, const WeightPlaces& places,
                             const CodeTerms& terms, int8_t* target) {
  if (places.size != rows.count * rows.channels * static_cast<int64_t>(places.tap.size())) {
    Clear(reinterpret_cast<std::byte*>(target), places.size);
  }
  const int64_t rows_at_a_time = BlocksAtATime(rows) * kRows;
  bool all_finite = true;
#pragma omp parallel reduction(&& : all_finite)
  {
    Coder coder(rows, places, terms, target);
#pragma omp for schedule(dynamic)
    for (int64_t first = 0; first < rows.count; first += rows_at_a_time) {
      const int64_t end = std::min(rows.count, first + rows_at_a_time);
      for (int64_t row = first; row < end; row += kRows) {
        const int64_t count = std::min(kRows, end - row);
        all_finite = all_finite && AllFinite(rows, row, count);
        coder.Pack(row, count);
      }
      LetGo(rows, first, end - first);
    }
  }
  return Looked(all_finite);
}

}  // namespace weft::cpu
