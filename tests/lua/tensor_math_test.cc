#include "lua/tensor_math.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor Of(std::vector<int64_t> dims, const std::vector<float>& values) {
  return *Tensor::Of<float>(Shape(dims), values);
}
std::vector<float> Values(const absl::StatusOr<Tensor>& t) {
  if (!t.ok()) return {};
  const absl::StatusOr<Tensor> f32 = AsF32(*t);
  return {f32->span<float>().begin(), f32->span<float>().end()};
}
const auto kPlus = [](float x, float y) { return x + y; };
const Tensor kTable = Of({2, 3}, {1, 2, 3, 4, 5, 6});

TEST(TensorMath, AddsTensorsOfOneShape) {
  EXPECT_THAT(Values(Combine(kTable, kTable, kPlus)), ElementsAre(2, 4, 6, 8, 10, 12));
}

TEST(TensorMath, StretchesAsNumpyDoes) {
  EXPECT_THAT(Values(Combine(kTable, Of({3}, {10, 20, 30}), kPlus)),
              ElementsAre(11, 22, 33, 14, 25, 36));
  EXPECT_THAT(Values(Combine(kTable, Of({2, 1}, {10, 20}), kPlus)),
              ElementsAre(11, 12, 13, 24, 25, 26));
  EXPECT_THAT(Values(Combine(Of({}, {1}), kTable, kPlus)), ElementsAre(2, 3, 4, 5, 6, 7));
  EXPECT_EQ(Combine(Of({3, 1}, {1, 2, 3}), Of({1, 2}, {1, 2}), kPlus)->shape(), Shape({3, 2}));
  EXPECT_THAT(Values(Combine(Of({2, 1, 2}, {1, 2, 3, 4}), Of({2, 1}, {10, 20}), kPlus)),
              ElementsAre(11, 12, 21, 22, 13, 14, 23, 24));
}

TEST(TensorMath, CombinesTensorsWithoutValues) {
  EXPECT_EQ(Combine(Of({0, 3}, {}), Of({3}, {1, 2, 3}), kPlus)->shape(), Shape({0, 3}));
}

TEST(TensorMath, RefusesShapesThatDoNotGoTogether) {
  EXPECT_THAT(std::string(Combine(kTable, Of({2}, {1, 2}), kPlus).status().message()),
              HasSubstr("shapes [2, 3] and [2] do not go together"));
}

TEST(TensorMath, ReducesAllValues) {
  EXPECT_EQ(*Reduce(kTable, Reduction::kSum), 21);
  EXPECT_EQ(*Reduce(kTable, Reduction::kMean), 3.5);
  EXPECT_EQ(*Reduce(kTable, Reduction::kMin), 1);
  EXPECT_EQ(*Reduce(kTable, Reduction::kMax), 6);
  EXPECT_NEAR(*Reduce(kTable, Reduction::kStd), 1.8708286934, 1e-9);  // torch.std
  EXPECT_TRUE(std::isnan(*Reduce(Of({1}, {1}), Reduction::kStd)));
  EXPECT_TRUE(std::isnan(*Reduce(Of({2}, {1, NAN}), Reduction::kMax)));
  EXPECT_FALSE(Reduce(Of({0}, {}), Reduction::kMin).ok());
}

TEST(TensorMath, ReducesOneDimension) {
  EXPECT_THAT(Values(ReduceDim(kTable, Reduction::kSum, 0)), ElementsAre(5, 7, 9));
  EXPECT_THAT(Values(ReduceDim(kTable, Reduction::kMax, -1)), ElementsAre(3, 6));
  EXPECT_FALSE(ReduceDim(kTable, Reduction::kSum, 2).ok());
}

TEST(TensorMath, SlicesAnyDimension) {
  EXPECT_THAT(Values(Slice(kTable, 0, 1, 1)), ElementsAre(4, 5, 6));
  EXPECT_THAT(Values(Slice(kTable, 1, 1, 2)), ElementsAre(2, 3, 5, 6));
  EXPECT_EQ(Slice(kTable, 1, 1, 0)->shape(), Shape({2, 0}));
  EXPECT_FALSE(Slice(kTable, 1, 0, 3).ok());
  EXPECT_FALSE(Slice(kTable, 1, -1, 1).ok());
}

TEST(TensorMath, PermutesDimensions) {
  EXPECT_THAT(Values(Permute(kTable, {1, 0})), ElementsAre(1, 4, 2, 5, 3, 6));
  EXPECT_FALSE(Permute(kTable, {0, 0}).ok());
  EXPECT_FALSE(Permute(kTable, {0}).ok());
}

TEST(TensorMath, RollsWhatLeavesAtTheEndInAtTheBeginning) {
  EXPECT_THAT(Values(Roll(kTable, 1, 1)), ElementsAre(3, 1, 2, 6, 4, 5));
  EXPECT_THAT(Values(Roll(kTable, 1, -4)), ElementsAre(2, 3, 1, 5, 6, 4));
  EXPECT_THAT(Values(Roll(kTable, 0, 3)), ElementsAre(4, 5, 6, 1, 2, 3));
}

TEST(TensorMath, PutsTensorsTogether) {
  EXPECT_THAT(Values(Concat({kTable, kTable}, 1)), ElementsAre(1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6));
  EXPECT_THAT(std::string(Concat({kTable, Of({1, 2}, {1, 2})}, 0).status().message()),
              HasSubstr("along dimension 1"));
  EXPECT_FALSE(Concat({}, 0).ok());
}

TEST(TensorMath, ReshapesToWhatIsLeft) {
  EXPECT_EQ(Reshape(kTable, {3, -1})->shape(), Shape({3, 2}));
  EXPECT_FALSE(Reshape(kTable, {4, -1}).ok());
  EXPECT_FALSE(Reshape(kTable, {-1, -1}).ok());
  EXPECT_FALSE(Reshape(kTable, {int64_t{1} << 62, int64_t{1} << 62}).ok());
}

}  // namespace
}  // namespace weft
