#include "nodes/text/step_range.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<int64_t> StepsOf(const StepRange& range, int64_t count) {
  std::vector<int64_t> steps;
  for (int64_t i = 0; i < count; ++i) {
    if (range.Holds(i, count)) steps.push_back(i);
  }
  return steps;
}

TEST(StepRange, HoldsForAllStepsUnlessToldOtherwise) {
  EXPECT_TRUE(StepRange().whole());
  EXPECT_THAT(StepsOf({}, 3), ElementsAre(0, 1, 2));
}

TEST(StepRange, RoundsSharesDownAsDiffusersDoes) {
  EXPECT_THAT(StepsOf({.last_share = 0.5}, 5), ElementsAre(0, 1));
  EXPECT_THAT(StepsOf({.first_share = 0.5}, 5), ElementsAre(2, 3, 4));
  EXPECT_THAT(StepsOf({.first_share = 0.2, .last_share = 0.6}, 10), ElementsAre(2, 3, 4, 5));
}

TEST(StepRange, CountsStepsByNumber) {
  EXPECT_THAT(StepsOf({.first_step = 1, .end_step = 3}, 5), ElementsAre(1, 2));
}

TEST(StepRange, TakesTurns) {
  EXPECT_THAT(StepsOf({.turns = 3, .turn = 1}, 8), ElementsAre(1, 4, 7));
}

TEST(StepRange, TwoHoldTogetherWhereBothDo) {
  const auto both =
      Both({.first_share = 0.25, .turns = 2, .turn = 1}, {.end_step = 10, .turns = 3, .turn = 0});
  ASSERT_TRUE(both.has_value());
  EXPECT_EQ(both->turns, 6);
  EXPECT_THAT(StepsOf(*both, 12), ElementsAre(3, 9));
}

TEST(StepRange, TwoThatNeverMeetHoldForNothing) {
  EXPECT_FALSE(Both({.last_share = 0.5}, {.first_share = 0.5}).has_value());
  EXPECT_FALSE(Both({.end_step = 4}, {.first_step = 4}).has_value());
  EXPECT_FALSE(Both({.turns = 2, .turn = 0}, {.turns = 4, .turn = 3}).has_value());
}

TEST(StepRange, ManyTurnsEndInOneStepAndDoNotOverflow) {
  StepRange range;
  for (int64_t turns : {64, 63, 61, 59, 55, 53, 47, 43, 41, 37}) {
    const auto both = Both(range, {.turns = turns, .turn = turns - 1});
    if (!both.has_value()) return;  // that one step is not among these turns
    range = *both;
  }
  EXPECT_THAT(StepsOf(range, 1000), IsEmpty());
}

}  // namespace
}  // namespace weft
