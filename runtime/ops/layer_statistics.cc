#include "runtime/ops/layer_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace weft {
namespace {

// Rows of samples that a layer keeps; when there are twice as many, every other one goes.
constexpr int64_t kSampleRows = 192;

// Exponents of SmoothQuant that are tried: 0 leaves the channels as they are, 1 makes them alike.
constexpr double kExponents[] = {0.0, 0.25, 0.5, 0.75, 1.0};
// How much of the range between the extremes is kept.
constexpr double kRanges[] = {1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4};
constexpr int kMostMigration = 40;  // half powers of two

// By how many half powers of two each channel is made smaller.
std::vector<int> Migration(const LayerStatistics& statistics, const ColumnStatistics& columns,
                           double exponent) {
  const size_t channels = statistics.most().size();
  std::vector<int> migration(channels, 0);
  if (exponent == 0.0) return migration;
  double middle = 0;
  std::vector<double> logs(channels, 0.0);
  std::vector<bool> known(channels, false);
  int64_t count = 0;
  for (size_t c = 0; c < channels; ++c) {
    const double size = std::max(statistics.most()[c], -statistics.least()[c]);
    const double weight = columns.largest[c];
    if (size <= 0 || weight <= 0) continue;
    logs[c] = exponent * std::log2(size) - (1.0 - exponent) * std::log2(weight);
    known[c] = true;
    middle += logs[c];
    ++count;
  }
  if (count > 0) middle /= static_cast<double>(count);
  for (size_t c = 0; c < channels; ++c) {
    const double halves = known[c] ? std::round(2.0 * (logs[c] - middle)) : 0.0;
    migration[c] = static_cast<int>(
        std::clamp(halves, -static_cast<double>(kMostMigration), double{kMostMigration}));
  }
  return migration;
}

// One range for each source, of its channels made smaller by the migration.
std::vector<Int8Layer::Source> Ranges(const LayerStatistics& statistics,
                                      const std::vector<int>& migration, double kept) {
  std::vector<Int8Layer::Source> sources;
  size_t c = 0;
  for (const int64_t channels : statistics.channels()) {
    double least = 0;
    double most = 0;
    for (int64_t i = 0; i < channels; ++i, ++c) {
      const double smaller = std::exp2(-0.5 * migration[c]);
      least = std::min(least, statistics.least()[c] * smaller);
      most = std::max(most, statistics.most()[c] * smaller);
    }
    Int8Layer::Source source{.channels = channels};
    // Values that are too small for a scale all get the code of zero.
    constexpr double kMostFloat = std::numeric_limits<float>::max();
    const auto scale = static_cast<float>(std::min((most - least) * kept / 255.0, kMostFloat));
    if (scale >= Int8Layer::kLeastScale) {
      source.scale = scale;
      source.zero = static_cast<uint8_t>(
          std::clamp(std::round(-least * kept / static_cast<double>(source.scale)), 0.0, 255.0));
    }
    sources.push_back(source);
  }
  return sources;
}

// Σ over outputs of the mean square error that codes of the input make.
double InputError(const LayerStatistics& statistics, const ColumnStatistics& columns,
                  const Int8Input& input) {
  const size_t channels = input.scale.size();
  const size_t rows = statistics.samples().size() / channels;
  if (rows == 0) return 0.0;
  std::vector<float> errors(channels, 0.0f);
  std::vector<float> inverse(channels), zero(channels);
  for (size_t c = 0; c < channels; ++c) {
    inverse[c] = 1.0f / input.scale[c];
    zero[c] = input.zero[c];
  }
  for (size_t r = 0; r < rows; ++r) {
    const float* row = statistics.samples().data() + r * channels;
    for (size_t c = 0; c < channels; ++c) {
      const float code =
          std::min(std::max(std::nearbyint(row[c] * inverse[c] + zero[c]), 0.0f), 255.0f);
      const float error = row[c] - (code - zero[c]) * input.scale[c];
      errors[c] += error * error;
    }
  }
  double sum = 0;
  for (size_t c = 0; c < channels; ++c) {
    sum += static_cast<double>(errors[c]) / static_cast<double>(rows) * columns.squares[c];
  }
  return sum;
}

// Σ over outputs of the mean square error that codes of the weight make: a step of r is off by
// r²/12 on average, and meets each value in codes.
double WeightError(const LayerStatistics& statistics, const WeightMatrix& weight,
                   const Int8Input& input) {
  const auto channels = static_cast<size_t>(weight.channels);
  const auto taps = static_cast<size_t>(weight.taps);
  double squares = 0;  // Σ over elements of a row of the mean square of what it meets
  for (size_t c = 0; c < channels; ++c) {
    const double scale = input.scale[c];
    squares += statistics.MeanSquare(c) / (scale * scale) * static_cast<double>(taps);
  }
  const float* row = weight.values.data<float>();
  double steps = 0;  // Σ over rows of the step squared
  for (int64_t r = 0; r < weight.rows; ++r) {
    float largest = 0;
    for (size_t c = 0; c < channels; ++c, row += taps) {
      float here = 0;
      for (size_t t = 0; t < taps; ++t) here = std::max(here, std::abs(row[t]));
      largest = std::max(largest, here * input.scale[c]);
    }
    const double step = static_cast<double>(largest) / 127.0;
    steps += step * step;
  }
  return steps / 12.0 * squares;
}

}  // namespace

void LayerStatistics::Add(absl::Span<const Tensor> sources) {
  if (channels_.empty()) {
    int64_t all = 0;
    for (const Tensor& source : sources) {
      channels_.push_back(source.dim(-1));
      all += source.dim(-1);
    }
    least_.assign(static_cast<size_t>(all), 0.0f);
    most_.assign(static_cast<size_t>(all), 0.0f);
    squares_.assign(static_cast<size_t>(all), 0.0);
  }
  const int64_t width = static_cast<int64_t>(least_.size());
  const int64_t rows = sources[0].numel() / sources[0].dim(-1);
  std::vector<float> row(static_cast<size_t>(width));
  std::vector<float> squares(static_cast<size_t>(width), 0.0f);
  for (int64_t r = 0; r < rows; ++r) {
    int64_t first = 0;
    for (const Tensor& source : sources) {
      const int64_t count = source.dim(-1);
      ConvertElements(source.raw() + static_cast<size_t>(r * count) * SizeOf(source.dtype()),
                      source.dtype(), row.data() + first, DType::kF32, count);
      first += count;
    }
    for (int64_t c = 0; c < width; ++c) {
      const auto at = static_cast<size_t>(c);
      least_[at] = std::min(least_[at], row[at]);
      most_[at] = std::max(most_[at], row[at]);
      squares[at] += row[at] * row[at];
    }
    if ((rows_ + r) % every_ == 0) Keep(row.data());
  }
  for (size_t c = 0; c < squares.size(); ++c) squares_[c] += squares[c];
  rows_ += rows;
  ++calls_;
}

void LayerStatistics::Keep(const float* row) {
  const size_t width = least_.size();
  samples_.insert(samples_.end(), row, row + width);
  if (samples_.size() < 2 * kSampleRows * width) return;
  for (size_t r = 0; r < kSampleRows; ++r) {
    std::copy_n(samples_.begin() + static_cast<std::ptrdiff_t>(2 * r * width), width,
                samples_.begin() + static_cast<std::ptrdiff_t>(r * width));
  }
  samples_.resize(kSampleRows * width);
  every_ *= 2;
}

ColumnStatistics ColumnsOf(const WeightMatrix& weight) {
  ColumnStatistics columns{.rows = weight.rows, .taps = weight.taps};
  columns.squares.assign(static_cast<size_t>(weight.channels), 0.0);
  columns.largest.assign(static_cast<size_t>(weight.channels), 0.0f);
  const float* at = weight.values.data<float>();
  for (int64_t r = 0; r < weight.rows; ++r) {
    for (size_t c = 0; c < columns.squares.size(); ++c) {
      for (int64_t t = 0; t < weight.taps; ++t, ++at) {
        columns.squares[c] += static_cast<double>(*at) * static_cast<double>(*at);
        columns.largest[c] = std::max(columns.largest[c], std::abs(*at));
      }
    }
  }
  return columns;
}

Int8Layer ChooseInput(const LayerStatistics& statistics, const WeightMatrix& weight) {
  const ColumnStatistics columns = ColumnsOf(weight);
  Int8Layer best;
  double least = std::numeric_limits<double>::infinity();
  for (const double exponent : kExponents) {
    const std::vector<int> migration = Migration(statistics, columns, exponent);
    Int8Layer candidate{.migration = migration};
    candidate.sources = Ranges(statistics, migration, 1.0);
    // A narrower range makes the scales of all channels smaller by the same factor, and the steps
    // of the weight as well: their product, the weight's error, stays.
    const double weight_error = WeightError(statistics, weight, candidate.Input());
    for (const double kept : kRanges) {
      candidate.sources = Ranges(statistics, migration, kept);
      const bool fits =
          std::all_of(candidate.sources.begin(), candidate.sources.end(),
                      [](const auto& source) { return source.scale <= Int8Layer::kMostScale; });
      const double error = InputError(statistics, columns, candidate.Input()) + weight_error;
      if (fits && error < least) {
        least = error;
        best = candidate;
      }
    }
  }
  if (std::all_of(best.migration.begin(), best.migration.end(), [](int m) { return m == 0; })) {
    best.migration.clear();
  }
  return best;
}

}  // namespace weft
