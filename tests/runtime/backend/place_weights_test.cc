#include "runtime/backend/cpu/kernels/place_weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace weft::cpu {
namespace {

struct Case {
  const char* what;
  int64_t out, in, taps;
  int64_t rows, channels;  // in a block: [out / rows][taps][in / channels][rows][channels]
  bool taps_first;         // whether a row holds tap after tap, or channel after channel
};

const Case kCases[] = {
    {"blocks of 16, one tap", 32, 24, 1, 16, 2, false},
    {"blocks of 64, nine taps", 64, 10, 9, 64, 2, false},
    {"nine taps, one after the other", 48, 12, 9, 16, 2, true},
    {"odd channels, two taps, one after the other", 16, 7, 2, 16, 2, true},
    {"fours, nine taps", 32, 13, 9, 32, 4, false},
    {"fours, one tap", 16, 64, 1, 16, 4, false},
    {"single channels", 32, 5, 9, 16, 1, false},
    {"blocks of 8", 32, 12, 3, 8, 4, false},
    {"no blocks", 19, 12, 3, 1, 4, false},
    {"rows to spare", 37, 3, 1, 16, 2, false},
};

template <typename Element>
void ExpectPlaced(const Case& c) {
  const int64_t groups = (c.in + c.channels - 1) / c.channels;
  const int64_t block = groups * c.rows * c.channels;
  WeightPlaces places;
  for (int64_t o = 0; o < c.out; ++o) {
    places.out.push_back(o / c.rows * c.taps * block + o % c.rows * c.channels);
  }
  for (int64_t i = 0; i < c.in; ++i) {
    places.in.push_back(i / c.channels * c.rows * c.channels + i % c.channels);
  }
  for (int64_t t = 0; t < c.taps; ++t) places.tap.push_back(t * block);
  places.size = (c.out + c.rows - 1) / c.rows * c.taps * block;

  std::vector<Element> placed(static_cast<size_t>(places.size), 0), expected = placed;
  WeightPlacer placer(places, sizeof(Element), placed.data());
  for (int64_t row = 0; row < c.out; row += kTransposedRows) {
    // The channels in two windows, of which the first is of whole words.
    for (const auto& [begin, end] : {std::pair<int64_t, int64_t>{0, std::min<int64_t>(4, c.in)},
                                     std::pair<int64_t, int64_t>{4, c.in}}) {
      WeightWindow window{};
      window.first_row = row;
      window.rows = std::min(kTransposedRows, c.out - row);
      window.first_channel = begin;
      window.channels = end - begin;
      if (window.channels <= 0) continue;
      window.taps = c.taps;
      window.row = window.channels * c.taps;
      window.channel = c.taps_first ? 1 : c.taps;
      window.tap = c.taps_first ? window.channels : 1;
      std::vector<Element> elements(static_cast<size_t>(window.rows * window.row) +
                                    WeightPlacer::kReadBehind);
      for (int64_t r = 0; r < window.rows; ++r) {
        for (int64_t i = 0; i < window.channels; ++i) {
          for (int64_t t = 0; t < c.taps; ++t) {
            const auto value = static_cast<Element>((row + r) * 31 + (begin + i) * 7 + t * 3 + 1);
            elements[static_cast<size_t>(r * window.row + i * window.channel + t * window.tap)] =
                value;
            expected[static_cast<size_t>(places.out[static_cast<size_t>(row + r)] +
                                         places.in[static_cast<size_t>(begin + i)] +
                                         places.tap[static_cast<size_t>(t)])] = value;
          }
        }
      }
      placer.Place(window, elements.data());
    }
  }
  EXPECT_EQ(placed, expected) << c.what << ", " << sizeof(Element) << " bytes";
}

TEST(PlaceWeightsKernel, TakesEveryElementToItsPlace) {
  for (const Case& c : kCases) {
    ExpectPlaced<uint8_t>(c);
    ExpectPlaced<uint16_t>(c);
    ExpectPlaced<uint32_t>(c);
  }
}

}  // namespace
}  // namespace weft::cpu
