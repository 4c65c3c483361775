#ifndef WEFT_RUNTIME_OPS_LAYER_STATISTICS_H_
#define WEFT_RUNTIME_OPS_LAYER_STATISTICS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "runtime/tensor/tensor.h"
#include "runtime/weights/int8_table.h"

namespace weft {

// What has gone into a layer: of each input channel its extremes and mean square, and some rows as
// they were. Which rows are kept depends on their order alone.
class LayerStatistics {
 public:
  // `sources` side by side in the last axis, [.., channels] f32 or bf16.
  void Add(absl::Span<const Tensor> sources);

  int64_t calls() const { return calls_; }
  const std::vector<int64_t>& channels() const { return channels_; }  // of each source
  const std::vector<float>& least() const { return least_; }          // by channel, at most 0
  const std::vector<float>& most() const { return most_; }            // by channel, at least 0
  double MeanSquare(size_t channel) const {
    return rows_ > 0 ? squares_[channel] / static_cast<double>(rows_) : 0.0;
  }
  // Rows of all channels, one after another.
  const std::vector<float>& samples() const { return samples_; }

 private:
  void Keep(const float* row);

  int64_t calls_ = 0;
  int64_t rows_ = 0;
  std::vector<int64_t> channels_;
  std::vector<float> least_, most_;
  std::vector<double> squares_;
  std::vector<float> samples_;
  int64_t every_ = 61;  // one row of so many is kept; a prime, so that no picture's column is
};

// What a weight takes part in by input channel: Σ w² over outputs and taps, and max |w|.
struct ColumnStatistics {
  int64_t rows = 0;
  int64_t taps = 1;
  std::vector<double> squares;
  std::vector<float> largest;
};

// A weight as f32 rows [rows, channels · taps], channel first.
struct WeightMatrix {
  Tensor values;
  int64_t rows = 0;
  int64_t channels = 0;
  int64_t taps = 1;
};
ColumnStatistics ColumnsOf(const WeightMatrix& weight);

// The scales and zeros that make the smallest error in the layer's result: tries how much of each
// channel's size goes over into the weights (SmoothQuant's exponent), and how much of the extremes
// is cut off. The error is that of the samples, in codes and back, through the weights, plus that
// of the weights' own rounding; errors of different channels are taken as independent. Without
// sources where no scales do: the values that went in are infinite, NaN or near it.
Int8Layer ChooseInput(const LayerStatistics& statistics, const WeightMatrix& weight);

}  // namespace weft

#endif  // WEFT_RUNTIME_OPS_LAYER_STATISTICS_H_
