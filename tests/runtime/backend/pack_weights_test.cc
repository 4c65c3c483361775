#include "runtime/backend/cpu/kernels/pack_weights.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <numeric>
#include <vector>

namespace weft::cpu {
namespace {

// How the elements of a weight come to lie in blocks: [out / block][taps][in /
// group][block][group].
WeightPlaces Blocked(int64_t out, int64_t in, int64_t taps, int64_t block, int64_t group) {
  const int64_t blocks = (out + block - 1) / block;
  const int64_t groups = (in + group - 1) / group;
  WeightPlaces places;
  for (int64_t o = 0; o < out; ++o) {
    places.out.push_back(o / block * taps * groups * block * group + o % block * group);
  }
  for (int64_t i = 0; i < in; ++i) places.in.push_back(i / group * block * group + i % group);
  for (int64_t t = 0; t < taps; ++t) places.tap.push_back(t * groups * block * group);
  places.size = blocks * taps * groups * block * group;
  return places;
}

// What no bf16 changes: a few bits each.
float ValueAt(int64_t i) { return static_cast<float>(i % 251 - 125) / 8; }

std::vector<float> Values(int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) values[static_cast<size_t>(i)] = ValueAt(i);
  return values;
}

std::vector<float> Packed(const StoredRows& rows, const WeightPlaces& places, DType compute) {
  std::vector<std::byte> target(static_cast<size_t>(places.size) * SizeOf(compute),
                                std::byte{0x7f});
  const absl::Status packed = PackWeights(rows, places, compute, target.data());
  EXPECT_TRUE(packed.ok()) << packed;
  std::vector<float> result;
  for (int64_t i = 0; i < places.size; ++i) {
    if (compute == DType::kF32) {
      result.push_back(reinterpret_cast<const float*>(target.data())[i]);
    } else {
      result.push_back(ToFloat(reinterpret_cast<const BF16*>(target.data())[i]));
    }
  }
  return result;
}

TEST(PackWeights, PutsEveryElementInItsPlaceAndZerosInTheRest) {
  struct Case {
    int64_t out, in, taps, block, group;
  };
  for (const Case& c : {Case{64, 32, 9, 32, 2}, Case{40, 7, 9, 16, 2}, Case{33, 1, 4, 16, 2},
                        Case{5, 1030, 1, 64, 2}, Case{70, 33, 9, 16, 1}, Case{3, 5, 1, 1, 1}}) {
    const std::vector<float> stored = Values(c.out * c.in * c.taps);
    const StoredRows rows{reinterpret_cast<const std::byte*>(stored.data()),
                          DType::kF32,
                          c.out,
                          c.in,
                          c.taps,
                          c.in * c.taps};
    const WeightPlaces places = Blocked(c.out, c.in, c.taps, c.block, c.group);
    std::vector<float> expected(static_cast<size_t>(places.size), 0.0f);
    for (int64_t i = 0; i < c.out * c.in * c.taps; ++i) {
      const auto out = static_cast<size_t>(i / (c.in * c.taps));
      const auto in = static_cast<size_t>(i / c.taps % c.in);
      const auto tap = static_cast<size_t>(i % c.taps);
      expected[static_cast<size_t>(places.out[out] + places.in[in] + places.tap[tap])] = ValueAt(i);
    }
    for (const DType compute : {DType::kF32, DType::kBF16}) {
      EXPECT_EQ(Packed(rows, places, compute), expected)
          << c.out << " x " << c.in << " x " << c.taps << " to " << Name(compute);
    }
  }
}

TEST(PackWeights, ReadsSomeChannelsOfHalvesAtOddAddresses) {
  // Rows of 6 channels, of which 2 to 4 are packed; the file puts them one byte off.
  std::vector<std::byte> file(1 + 4 * 6 * sizeof(uint16_t));
  for (int64_t i = 0; i < 24; ++i) {
    const uint16_t half = std::bit_cast<uint16_t>(static_cast<_Float16>(ValueAt(i)));
    std::memcpy(file.data() + 1 + static_cast<size_t>(i) * sizeof(half), &half, sizeof(half));
  }
  const StoredRows rows{file.data() + 1 + 2 * sizeof(uint16_t), DType::kF16, 4, 3, 1, 6};
  WeightPlaces dense;
  for (int64_t o = 0; o < 4; ++o) dense.out.push_back(3 * o);
  dense.in = {0, 1, 2};
  dense.tap = {0};
  dense.size = 12;
  std::vector<float> expected;
  for (const int64_t o : {0, 1, 2, 3}) {
    for (const int64_t i : {2, 3, 4}) expected.push_back(ValueAt(6 * o + i));
  }
  EXPECT_EQ(Packed(rows, dense, DType::kBF16), expected);
  EXPECT_EQ(Packed(rows, dense, DType::kF32), expected);
}

TEST(PackWeights, PacksSumsOfTaps) {
  const std::vector<float> stored = Values(2 * 3 * 3);
  const TapSums sums{2, {1, 0, 0, 0, 0.5f, -1}};
  const StoredRows rows{
      reinterpret_cast<const std::byte*>(stored.data()), DType::kF32, 2, 3, 3, 9, sums};
  const WeightPlaces places = Blocked(2, 3, 2, 1, 1);
  std::vector<float> expected(12);
  for (size_t o = 0; o < 2; ++o) {
    for (size_t i = 0; i < 3; ++i) {
      const float* taps = &stored[o * 9 + i * 3];
      expected[o * 6 + i] = taps[0];
      expected[o * 6 + 3 + i] = taps[1] / 2 - taps[2];
    }
  }
  EXPECT_EQ(Packed(rows, places, DType::kF32), expected);
}

TEST(PackWeights, PacksSumsOfTapsOfManyChannels) {
  constexpr int64_t kOut = 18, kIn = 51, kTaps = 9, kSums = 4;
  const std::vector<float> stored = Values(kOut * kIn * kTaps);
  TapSums sums{kSums, {}};
  for (int64_t i = 0; i < kSums * kTaps; ++i) {
    sums.factors.push_back(static_cast<float>(i % 4 - 1) / 2);
  }
  const StoredRows rows{reinterpret_cast<const std::byte*>(stored.data()),
                        DType::kF32,
                        kOut,
                        kIn,
                        kTaps,
                        kIn * kTaps,
                        sums};
  const WeightPlaces places = Blocked(kOut, kIn, kSums, 16, 2);
  std::vector<float> expected(static_cast<size_t>(places.size), 0.0f);
  for (int64_t o = 0; o < kOut; ++o) {
    for (int64_t i = 0; i < kIn; ++i) {
      for (int64_t s = 0; s < kSums; ++s) {
        float sum = 0;  // of values of few bits: exact
        for (int64_t t = 0; t < kTaps; ++t) {
          sum += sums.factors[static_cast<size_t>(s * kTaps + t)] *
                 stored[static_cast<size_t>((o * kIn + i) * kTaps + t)];
        }
        expected[static_cast<size_t>(places.out[static_cast<size_t>(o)] +
                                     places.in[static_cast<size_t>(i)] +
                                     places.tap[static_cast<size_t>(s)])] = sum;
      }
    }
  }
  EXPECT_EQ(Packed(rows, places, DType::kF32), expected);
}

}  // namespace
}  // namespace weft::cpu
