#include "nodes/layers/token_merging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/base/rng.h"
#include "tests/nodes/models/golden.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor Random(Shape shape, uint64_t seed) {
  std::vector<float> values(static_cast<size_t>(shape.numel()));
  Rng(seed).Normal(absl::MakeSpan(values));
  return MadeOf(std::move(shape), values);
}

TEST(TokenMerging, LeavesPicturesAloneThatAreTooMuchSmallerThanTheLatent) {
  const TokenMerging merging{.ratio = 0.5, .max_downsample = 2};
  EXPECT_EQ(GridOf(merging, 64, 64, 64 * 64).merged, 2048);
  EXPECT_EQ(GridOf(merging, 32, 32, 64 * 64).merged, 512);
  EXPECT_EQ(GridOf(merging, 16, 16, 64 * 64).merged, 0);
}

TEST(TokenMerging, KeepsOneOfEachFourTokensAtLeast) {
  EXPECT_EQ(GridOf({.ratio = 0.75}, 5, 4, 20).merged, 15);
  EXPECT_EQ(GridOf({.ratio = 0.75}, 4, 4, 16).merged, 12);
  EXPECT_EQ(GridOf({.ratio = 0.75}, 1, 16, 16).merged, 0) << "no 2×2 tokens";
  EXPECT_EQ(GridOf({.ratio = 0.0}, 4, 4, 16).merged, 0);
}

TEST(TokenMerging, TakesTheFirstOfEach2x2AsDestination) {
  EXPECT_THAT(DestinationsIn({.height = 4, .width = 5}), ElementsAre(0, 2, 10, 12));
}

TEST(TokenMerging, DrawsAnyOfEach2x2AndOthersInOtherStepsAndAttentions) {
  const TokenGrid drawn{.height = 16, .width = 16, .seed = AttentionSeed(1, 2, 500)};
  const std::vector<int32_t> tokens = DestinationsIn(drawn);
  EXPECT_EQ(tokens, DestinationsIn(drawn));
  std::vector<int> corners(4), cells(64);
  for (const int32_t token : tokens) {
    const int32_t y = token / 16, x = token % 16;
    ++corners[static_cast<size_t>(y % 2 * 2 + x % 2)];
    ++cells[static_cast<size_t>(y / 2 * 8 + x / 2)];
  }
  EXPECT_THAT(cells, ::testing::Each(1));
  EXPECT_THAT(corners, ::testing::Each(::testing::Gt(4)));
  for (const uint64_t seed :
       {AttentionSeed(1, 3, 500), AttentionSeed(1, 2, 480), AttentionSeed(2, 2, 500)}) {
    EXPECT_NE(tokens, DestinationsIn({.height = 16, .width = 16, .seed = seed}));
  }
}

TEST(TokenMerging, MergesTheTokensThatAreMostAlikeIntoTheirMean) {
  // 2×2 tokens: the destination is the first; the third points almost the same way.
  const Tensor x = MadeOf({1, 4, 2}, {1, 0, 0, 1, 3, 0.1f, -1, 0});
  Ops ops = CpuOps();
  const TokenPlaces places = MatchTokens(ops, x, {.height = 2, .width = 2, .merged = 1});
  EXPECT_EQ(places.kept, 3);
  EXPECT_THAT(places.place.span<int32_t>(), ElementsAre(0, 1, 0, 2));
  const Tensor merged = MergeTokens(ops, x, places);
  EXPECT_THAT(merged.span<float>(), ElementsAre(2, 0.05f, 0, 1, -1, 0));
  const Tensor apart = ops.Finish(UnmergeTokens(ops, merged, places)).value();
  EXPECT_THAT(apart.span<float>(), ElementsAre(2, 0.05f, 0, 1, 2, 0.05f, -1, 0));
}

TEST(TokenMerging, MatchesEachPictureOfABatchByItself) {
  const Tensor one = Random({1, 24, 7}, 1), other = Random({1, 24, 7}, 2);
  const TokenGrid grid{.height = 4, .width = 6, .merged = 12};
  Ops ops = CpuOps();
  const Tensor batch[] = {one, other};
  const TokenPlaces both = MatchTokens(ops, ops.Stack(batch), grid);
  EXPECT_EQ(both.place.Rows(0, 1)->span<int32_t>(),
            MatchTokens(ops, one, grid).place.span<int32_t>());
  EXPECT_EQ(both.place.Rows(1, 2)->span<int32_t>(),
            MatchTokens(ops, other, grid).place.span<int32_t>());
}

TEST(TokenMerging, KeepsInBfloat16WhatIsNotMerged) {
  Ops ops = CpuOps(DType::kBF16);
  const Tensor x = ops.Cast(Random({1, 36, 8}, 4), DType::kBF16);
  const TokenPlaces places = MatchTokens(ops, x, {.height = 6, .width = 6, .merged = 10});
  const Tensor apart = UnmergeTokens(ops, MergeTokens(ops, x, places), places);
  ASSERT_TRUE(ops.status().ok()) << ops.status();
  std::vector<int> members(26);
  for (const int32_t place : places.place.span<int32_t>()) ++members[static_cast<size_t>(place)];
  int alone = 0;
  for (int64_t i = 0; i < 36; ++i) {
    if (members[static_cast<size_t>(places.place.data<int32_t>()[i])] > 1) continue;
    ++alone;
    for (int64_t c = 0; c < 8; ++c) {
      EXPECT_EQ(apart.data<BF16>()[i * 8 + c].bits, x.data<BF16>()[i * 8 + c].bits);
    }
  }
  EXPECT_GE(alone, 10);
}

TEST(TokenMerging, HasInADryRunTheShapesOfTheRun) {
  Ops ops = MetaOps();
  const Tensor x = ops.OnDevice(Random({2, 16, 3}, 1));
  const TokenPlaces places = MatchTokens(ops, x, {.height = 4, .width = 4, .merged = 8});
  const Tensor merged = MergeTokens(ops, x, places);
  EXPECT_EQ(merged.shape(), Shape({2, 8, 3}));
  const Tensor apart = ops.Finish(UnmergeTokens(ops, merged, places)).value();
  EXPECT_TRUE(apart.is_meta());
  EXPECT_EQ(apart.shape(), x.shape());
}

TEST(TokenMerging, RefusesTokensThatAreNoPicture) {
  Ops ops = CpuOps();
  MatchTokens(ops, Random({1, 15, 3}, 1), {.height = 4, .width = 4, .merged = 8});
  EXPECT_THAT(ops.status().message(), HasSubstr("15 tokens are no picture 4×4"));
}

}  // namespace
}  // namespace weft
