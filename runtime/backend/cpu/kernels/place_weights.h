#ifndef WEFT_RUNTIME_BACKEND_CPU_KERNELS_PLACE_WEIGHTS_H_
#define WEFT_RUNTIME_BACKEND_CPU_KERNELS_PLACE_WEIGHTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/backend/cpu/kernels/transpose.h"

namespace weft::cpu {

// Where a primitive wants an element: at the sum of what its output channel, its input channel and
// its tap add. All of oneDNN's blocked layouts are such sums.
struct WeightPlaces {
  std::vector<int64_t> out;
  std::vector<int64_t> in;
  std::vector<int64_t> tap;
  int64_t size = 0;  // of the whole, in elements, with what fills it up
};

// Some channels of some rows (output channels) of a weight: the element of row r, channel c and
// packed tap t lies at r · row + c · channel + t · tap.
struct WeightWindow {
  int64_t first_row, rows;  // kTransposedRows at most
  int64_t first_channel, channels;
  int64_t taps;
  int64_t row, channel, tap;
};

// Takes elements of 1, 2 or 4 bytes to their places; what is left of a word of 32 bits becomes 0. One
// for each thread.
class WeightPlacer {
 public:
  // Bytes behind a window's elements that are read, too.
  static constexpr size_t kReadBehind = 16;

  WeightPlacer(const WeightPlaces& places, size_t element_bytes, void* target);
  void Place(const WeightWindow& window, const void* elements);

 private:
  // What lies in a line of a blocked layout: 32 bits of each of these rows.
  struct alignas(64) Line {
    uint32_t words[kTransposedRows];
  };

  const WeightPlaces& places_;
  const size_t element_bytes_;
  const bool words_;  // whether channels that fill 32 bits lie together
  std::byte* const target_;
  std::vector<Line> lines_;
};

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_KERNELS_PLACE_WEIGHTS_H_
