#include "nodes/sampling/steps_between.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/nodes/sampling/run_node.h"
#include "tests/nodes/sampling/scheduler_nodes.h"

namespace weft {

NodeType TrainingStepNode();

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<Step> Steps(std::vector<double> timesteps) {
  std::vector<Step> steps(timesteps.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    steps[i].index = static_cast<int64_t>(i);
    steps[i].timestep = timesteps[i];
  }
  return steps;
}

std::vector<double> Timesteps(const std::vector<Step>& steps) {
  std::vector<double> timesteps;
  for (const Step& step : steps) timesteps.push_back(step.timestep);
  return timesteps;
}

TEST(StepsBetween, LeavesTheRestToTheRefiner) {
  const std::vector<Step> steps = Steps({801, 601, 401, 201, 1});
  EXPECT_THAT(Timesteps(StepsBetween(steps, 0, 0.6, 1000, 1)), ElementsAre(801, 601, 401));
  const std::vector<Step> rest = StepsBetween(steps, 0.6, 1, 1000, 1);
  EXPECT_THAT(Timesteps(rest), ElementsAre(201, 1));
  EXPECT_EQ(rest[0].index, 3);  // in the whole schedule
}

TEST(StepsBetween, GivesAStepAtTheCutToTheBase) {
  const std::vector<Step> steps = Steps({800, 400, 0});
  EXPECT_THAT(Timesteps(StepsBetween(steps, 0, 0.6, 1000, 1)), ElementsAre(800, 400));
  EXPECT_THAT(Timesteps(StepsBetween(steps, 0.6, 1, 1000, 1)), ElementsAre(0));
}

TEST(StepsBetween, KeepsTheTwoCallsOfAHeunStepTogether) {
  // diffusers: an even count below the cut would begin between the two calls of a step.
  const std::vector<Step> steps = Steps({801, 601, 601, 401, 401, 201, 201, 1, 1});
  EXPECT_THAT(Timesteps(StepsBetween(steps, 0.7, 1, 1000, 2)), ElementsAre(401, 201, 201, 1, 1));
}

TEST(StepsBetween, CutsBothEnds) {
  EXPECT_THAT(Timesteps(StepsBetween(Steps({900, 700, 500, 300, 100}), 0.2, 0.6, 1000, 1)),
              ElementsAre(700, 500));
}

class TimestepsOfAPart : public ::testing::Test {
 protected:
  absl::StatusOr<Values> Run(const NodeType& node, Values inputs) {
    inputs["scheduler"] = RunNode(SchedulerNodes().at("DDPMScheduler"), {}).value()["scheduler"];
    return RunNode(node, inputs);
  }
};

TEST_F(TimestepsOfAPart, BeginWhereTheBaseEnded) {
  const auto outputs = Run(TimestepsNode(), {{"num_inference_steps", Value(int64_t{10})},
                                             {"denoising_start", Value(0.8)}});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_EQ(outputs->at("steps").AsList()->size(), 2u);
  EXPECT_EQ(Step::From(*outputs->at("first").AsRecord()).timestep, 100);
}

TEST_F(TimestepsOfAPart, RefuseWhatLeavesNothing) {
  EXPECT_THAT(Run(TimestepsNode(), {{"denoising_start", Value(0.5)}, {"denoising_end", Value(0.5)}})
                  .status()
                  .message(),
              HasSubstr("0.5 does not lie behind denoising_start, 0.5"));
  EXPECT_THAT(Run(TimestepsNode(), {{"num_inference_steps", Value(int64_t{2})},
                                    {"denoising_start", Value(0.6)},
                                    {"denoising_end", Value(0.7)}})
                  .status()
                  .message(),
              HasSubstr("none of the 2 steps lies between denoising_start 0.6"));
  EXPECT_THAT(Run(TimestepsNode(), {{"denoising_start", Value(0.5)}, {"strength", Value(0.5)}})
                  .status()
                  .message(),
              HasSubstr("says where to begin, and so does \"strength\""));
}

TEST_F(TimestepsOfAPart, TrainingStepFindsATimestepOfTheTraining) {
  const auto outputs = Run(TrainingStepNode(), {{"timestep", Value(int64_t{20})}});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  const Step step = Step::From(*outputs->at("step").AsRecord());
  EXPECT_EQ(step.timestep, 20);
  EXPECT_EQ(step.index, 979);
  EXPECT_THAT(Run(TrainingStepNode(), {{"timestep", Value(int64_t{1000})}}).status().message(),
              HasSubstr("1000 is not one of the training's 0..999"));
}

}  // namespace
}  // namespace weft
