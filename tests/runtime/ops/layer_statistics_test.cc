#include "runtime/ops/layer_statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace weft {
namespace {

Tensor Noise(Shape shape, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(shape.numel()));
  for (float& value : values) value = normal(engine);
  return *Tensor::Of<float>(shape, values);
}

// Noise over signal of a product x·wᵀ whose factors are rounded as `input` says.
double NoiseOf(const Tensor& x, const WeightMatrix& weight, const Int8Input& input) {
  const auto channels = static_cast<size_t>(weight.channels);
  const float* w = weight.values.data<float>();
  double noise = 0, signal = 0;
  for (int64_t o = 0; o < weight.rows; ++o) {
    const float* row = w + static_cast<size_t>(o) * channels;
    double largest = 0;
    for (size_t c = 0; c < channels; ++c) {
      largest = std::max(largest, std::abs(static_cast<double>(row[c]) * input.scale[c]));
    }
    for (int64_t r = 0; r < x.dim(0); ++r) {
      const float* in = x.data<float>() + static_cast<size_t>(r) * channels;
      double exact = 0, rounded = 0;
      for (size_t c = 0; c < channels; ++c) {
        const double scale = input.scale[c];
        const double code = std::clamp(std::round(in[c] / scale + input.zero[c]), 0.0, 255.0);
        const double step = largest / 127.0;
        exact += static_cast<double>(in[c]) * row[c];
        rounded += (code - input.zero[c]) * std::round(row[c] * scale / step) * step;
      }
      noise += (rounded - exact) * (rounded - exact);
      signal += exact * exact;
    }
  }
  return noise / signal;
}

TEST(LayerStatistics, KeepsExtremesMeanSquaresAndABoundedNumberOfRows) {
  LayerStatistics statistics;
  const Tensor x = *Tensor::Of<float>(Shape{2, 2}, {1, -2, 3, 5});
  const Tensor y = *Tensor::Of<float>(Shape{2, 1}, {0.5f, 7});
  statistics.Add({x, y});
  EXPECT_THAT(statistics.channels(), ::testing::ElementsAre(2, 1));
  EXPECT_THAT(statistics.least(), ::testing::ElementsAre(0, -2, 0));
  EXPECT_THAT(statistics.most(), ::testing::ElementsAre(3, 5, 7));
  EXPECT_DOUBLE_EQ(statistics.MeanSquare(0), 5.0);
  for (int i = 0; i < 3; ++i) statistics.Add({Noise(Shape{40000, 3}, 1)});
  EXPECT_LT(statistics.samples().size(), 400u * 3);
  EXPECT_GE(statistics.samples().size(), 192u * 3);
}

TEST(ChooseInput, MovesAnOutliersSizeIntoTheWeights) {
  constexpr int64_t kChannels = 64;
  Tensor x = Noise(Shape{512, kChannels}, 1);
  WeightMatrix weight{.values = Noise(Shape{32 * kChannels}, 2), .rows = 32, .channels = kChannels};
  // What makes outliers harmful: their weights are small, so that the others carry the result.
  for (int64_t r = 0; r < 512; ++r) x.mutable_data<float>()[r * kChannels + 5] *= 100.0f;
  for (int64_t o = 0; o < 32; ++o) {
    weight.values.mutable_data<float>()[o * kChannels + 5] /= 100.0f;
  }
  LayerStatistics statistics;
  for (int i = 0; i < 8; ++i) statistics.Add({x});
  const Int8Layer chosen = ChooseInput(statistics, weight);
  ASSERT_EQ(chosen.migration.size(), static_cast<size_t>(kChannels));
  for (int64_t c = 0; c < kChannels; ++c) {
    if (c == 5) continue;
    EXPECT_LT(chosen.migration[static_cast<size_t>(c)], chosen.migration[5]) << c;
  }
  Int8Layer plain;
  plain.sources = {{.channels = kChannels, .scale = 800.0f / 255, .zero = 128}};
  EXPECT_GT(NoiseOf(x, weight, plain.Input()), 0.05);
  EXPECT_LT(NoiseOf(x, weight, chosen.Input()), 5e-4);
}

TEST(ChooseInput, GivesEachSourceARangeOfItsOwn) {
  Tensor small = Noise(Shape{512, 8}, 1);
  Tensor large = Noise(Shape{512, 8}, 2);
  for (int64_t i = 0; i < large.numel(); ++i)
    large.mutable_data<float>()[i] = 50.0f + large.data<float>()[i];
  LayerStatistics statistics;
  statistics.Add({small, large});
  const WeightMatrix weight{.values = Noise(Shape{4 * 16}, 3), .rows = 4, .channels = 16};
  const Int8Layer chosen = ChooseInput(statistics, weight);
  ASSERT_EQ(chosen.sources.size(), 2u);
  EXPECT_GT(chosen.sources[0].zero, 90);
  EXPECT_LT(chosen.sources[0].zero, 165);
  EXPECT_EQ(chosen.sources[1].zero, 0) << "the second source has no value below 0";
}

TEST(ChooseInput, CutsOffWhatIsTooRareToPayFor) {
  Tensor x = Noise(Shape{6100, 16}, 1);
  x.mutable_data<float>()[7] = 400.0f;  // once
  LayerStatistics statistics;
  statistics.Add({x});
  const WeightMatrix weight{.values = Noise(Shape{4 * 16}, 3), .rows = 4, .channels = 16};
  const Int8Layer chosen = ChooseInput(statistics, weight);
  const Int8Input input = chosen.Input();
  EXPECT_LT(255.0 * input.scale[0], 300.0) << "the range of the other channels";
}

Int8Layer ChosenFor(float value) {
  Tensor x = Noise(Shape{64, 4}, 1);
  for (int64_t i = 0; i < x.numel(); i += 4) x.mutable_data<float>()[i] = value;
  LayerStatistics statistics;
  statistics.Add({x});
  return ChooseInput(statistics, {.values = Noise(Shape{2 * 4}, 3), .rows = 2, .channels = 4});
}

TEST(ChooseInput, HasNoScaleForWhatIsNotFinite) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float value : {kInfinity, -kInfinity, std::nanf(""), 3e38f}) {
    EXPECT_TRUE(ChosenFor(value).sources.empty()) << value;
  }
  EXPECT_EQ(ChosenFor(1.0f).sources.size(), 1u);
}

TEST(ChooseInput, MakesScalesThatCanBeReadAgain) {
  for (const float size : {0.0f, 1e-45f, 1e-38f, 2.5e-18f, 1e-17f, 1e15f}) {
    Tensor x = Noise(Shape{64, 4}, 1);
    for (int64_t i = 0; i < x.numel(); ++i) x.mutable_data<float>()[i] *= size;
    LayerStatistics statistics;
    statistics.Add({x});
    Int8Table table;
    table.layers["a"] =
        ChooseInput(statistics, {.values = Noise(Shape{2 * 4}, 3), .rows = 2, .channels = 4});
    const auto read = ParseInt8Table(table.ToJson("1.0"), "x.int8.json");
    EXPECT_TRUE(read.ok()) << size << ": " << read.status();
  }
}

}  // namespace
}  // namespace weft
