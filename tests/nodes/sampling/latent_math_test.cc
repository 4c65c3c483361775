#include "nodes/sampling/latent_math.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace weft {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::HasSubstr;

Tensor Of(Shape shape, std::vector<float> values) {
  return *Tensor::Of<float>(shape, absl::MakeConstSpan(values));
}
std::vector<float> Values(const Tensor& x) {
  return {x.span<float>().begin(), x.span<float>().end()};
}

TEST(LatentMath, SumsInDoubleAndRoundsOnce) {
  LatentMath math{Allocator(Device::kCpu)};
  const Tensor big = Of(Shape({1}), {1e8f});
  const Tensor small = Of(Shape({1}), {1.0f});
  EXPECT_THAT(Values(math.Sum({{1.0, big}, {1.0, small}, {-1.0, big}})), ElementsAre(1.0f));
}

TEST(LatentMath, SumsTensorsLargerThanATile) {
  LatentMath math{Allocator(Device::kCpu)};
  std::vector<float> counts(1300);
  for (size_t i = 0; i < counts.size(); ++i) counts[i] = static_cast<float>(i);
  const Tensor x = Of(Shape({1, 1, 13, 100}), counts);
  const Tensor y = math.Sum({{2.0, x}, {1.0, x}});
  for (size_t i = 0; i < counts.size(); ++i) ASSERT_EQ(y.span<float>()[i], 3.0f * counts[i]);
}

TEST(LatentMath, ThresholdsEachPictureByItsOwnQuantile) {
  LatentMath math{Allocator(Device::kCpu)};
  const Tensor x = Of(Shape({2, 1, 2, 2}), {0.5f, -3.0f, 1.5f, 1.0f, 0.1f, 0.2f, 0.3f, -0.4f});
  // DDIMScheduler._threshold_sample of the same with ratio 0.8 and at most 2.
  EXPECT_THAT(Values(math.Threshold(x, 0.8, 2.0)),
              ElementsAre(FloatNear(0.25f, 1e-6f), FloatNear(-1.0f, 1e-6f), FloatNear(0.75f, 1e-6f),
                          FloatNear(0.5f, 1e-6f), 0.1f, 0.2f, 0.3f, -0.4f));
}

// Numbers that are none have no place in an order: a sort that met them could do anything.
TEST(LatentMath, ThresholdsAPictureWithNanToNanAndLeavesTheOthers) {
  LatentMath math{Allocator(Device::kCpu)};
  const float nan = std::nanf("");
  const std::vector<float> got = Values(math.Threshold(
      Of(Shape({2, 1, 2, 2}), {0.5f, nan, 1.5f, 1.0f, 0.1f, 0.2f, 0.3f, 0.4f}), 0.8, 2.0));
  for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(std::isnan(got[i])) << i;
  for (size_t i = 4; i < 8; ++i) EXPECT_FALSE(std::isnan(got[i])) << i;
}

TEST(LatentMath, TakesChannels) {
  LatentMath math{Allocator(Device::kCpu)};
  const Tensor x = Of(Shape({2, 2, 1, 2}), {0, 1, 2, 3, 4, 5, 6, 7});
  EXPECT_THAT(Values(math.Channels(x, 1, 2)), ElementsAre(2, 3, 6, 7));
}

TEST(LatentMath, KeepsItsFirstError) {
  LatentMath math{Allocator(Device::kCpu)};
  const Tensor x = Of(Shape({2}), {0, 1});
  EXPECT_TRUE(math.Sum({{1.0, x}, {1.0, Of(Shape({3}), {0, 1, 2})}}).empty());
  EXPECT_TRUE(math.Clamp(x, 1.0).empty());
  EXPECT_THAT(math.status().message(), HasSubstr("shapes differ: [2] and [3]"));
}

TEST(LatentMath, RefusesOtherTypes) {
  LatentMath math{Allocator(Device::kCpu)};
  const std::vector<int32_t> ints = {1};
  math.Sum({{1.0, *Tensor::Of<int32_t>(Shape({1}), absl::MakeConstSpan(ints))}});
  EXPECT_THAT(math.status().message(), HasSubstr("expects f32 tensors, not i32"));
}

TEST(LatentMath, KeepsNaNWhereItWas) {
  LatentMath math{Allocator(Device::kCpu)};
  const Tensor x = Of(Shape({2}), {std::nanf(""), 2.0f});
  const Tensor y = math.Clamp(x, 1.0);
  EXPECT_TRUE(std::isnan(y.span<float>()[0]));
  EXPECT_EQ(y.span<float>()[1], 1.0f);
}

}  // namespace
}  // namespace weft
