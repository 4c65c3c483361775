#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/sampling/relative_change.h"
#include "nodes/sampling/step.h"
#include "tests/nodes/sampling/run_node.h"

namespace weft {

NodeType StopWhenConvergedNode();

namespace {

using ::testing::HasSubstr;

Tensor Filled(float value, int64_t width = 4) {
  return *Tensor::Of<float>({1, 1, 1, width},
                            std::vector<float>(static_cast<size_t>(width), value));
}

TEST(RelativeChange, IsTheRootMeanSquareOfTheDifferenceOverThatOfTheResult) {
  EXPECT_DOUBLE_EQ(RelativeChange(Filled(3), Filled(4)), 0.25);
  EXPECT_EQ(RelativeChange(Filled(0), Filled(0)), 0);
  EXPECT_EQ(RelativeChange(Filled(2), Filled(2)), 0);
  EXPECT_EQ(RelativeChange(Filled(2), Filled(0)), INFINITY);
}

struct Stop {
  bool going;
  float latent;
};
// In step `index` of 10.
Stop Ask(std::optional<float> before, float original, double threshold, int64_t index = 7) {
  Step step;
  step.inference_step = index;
  step.num_inference_steps = 10;
  Values inputs = {{"latent", Value(Filled(9))},
                   {"step", Value(step.To())},
                   {"original", Value(Filled(original))},
                   {"threshold", Value(threshold)}};
  if (before.has_value()) inputs["before"] = Value(Filled(*before));
  const Values outputs = RunNode(StopWhenConvergedNode(), inputs).value();
  return {*outputs.at("going").AsBool(), outputs.at("latent").AsTensor()->data<float>()[0]};
}

TEST(StopWhenConverged, GoesOnWhileThePictureChanges) {
  const Stop stop = Ask(3.0f, 4.0f, 0.49);
  EXPECT_TRUE(stop.going);
  EXPECT_EQ(stop.latent, 9) << "the latent of the next step";
}

TEST(StopWhenConverged, GivesTheCleanPictureOnceItStandsStill) {
  const Stop stop = Ask(3.0f, 4.0f, 0.5);
  EXPECT_FALSE(stop.going);
  EXPECT_EQ(stop.latent, 4);
}

TEST(StopWhenConverged, GoesOnInTheFirstStepAndWithoutAThreshold) {
  EXPECT_TRUE(Ask(std::nullopt, 4.0f, 0.9).going);
  EXPECT_TRUE(Ask(4.0f, 4.0f, 0.0).going);
}

TEST(StopWhenConverged, AsksMoreOfAnEarlyStepAndLeavesTheLastOneAlone) {
  EXPECT_TRUE(Ask(3.0f, 4.0f, 0.5, 6).going);
  const Stop last = Ask(4.0f, 4.0f, 0.5, 9);
  EXPECT_TRUE(last.going);
  EXPECT_EQ(last.latent, 9);
}

TEST(StopWhenConverged, RefusesAStepThatDoesNotSayHowManyAreLeft) {
  const auto outputs = RunNode(StopWhenConvergedNode(), {{"latent", Value(Filled(1))},
                                                         {"original", Value(Filled(1))},
                                                         {"step", Value(Step().To())},
                                                         {"threshold", Value(0.1)}});
  EXPECT_EQ(PortOf(outputs.status()), "step");
  EXPECT_THAT(outputs.status().message(), HasSubstr("take it from Timesteps"));
}

TEST(StopWhenConverged, RefusesPicturesOfAnotherSize) {
  Step step;
  step.num_inference_steps = 10;
  const auto outputs = RunNode(StopWhenConvergedNode(), {{"latent", Value(Filled(1))},
                                                         {"original", Value(Filled(1))},
                                                         {"before", Value(Filled(1, 5))},
                                                         {"step", Value(step.To())},
                                                         {"threshold", Value(0.1)}});
  EXPECT_EQ(PortOf(outputs.status()), "before");
  EXPECT_THAT(outputs.status().message(), HasSubstr("[1, 1, 1, 5]"));
}

}  // namespace
}  // namespace weft
