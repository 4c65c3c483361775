// What schedulers and sampling nodes say of bad options and inputs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "nodes/sampling/generator.h"
#include "nodes/sampling/scheduler_config.h"
#include "tests/nodes/sampling/run_node.h"
#include "tests/nodes/sampling/scheduler_nodes.h"

namespace weft {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Value Text(const char* text) { return Value(std::string(text)); }

Value Config(nlohmann::json json) {
  return Value(std::shared_ptr<const Object>(
      std::make_shared<SchedulerConfig>(std::move(json), "sd/scheduler_config.json")));
}

// The scheduler with these options, or the message of the error.
absl::StatusOr<Value> Make(const std::string& type, const Values& options) {
  WEFT_ASSIGN_OR_RETURN(Values made, RunNode(SchedulerNodes().at(type), options));
  return made["scheduler"];
}
std::string MakeError(const std::string& type, const Values& options) {
  const absl::StatusOr<Value> made = Make(type, options);
  return made.ok() ? "no error" : std::string(made.status().message());
}

std::string TimesError(const std::string& type, const Values& options, Values times) {
  const absl::StatusOr<Value> scheduler = Make(type, options);
  if (!scheduler.ok()) return absl::StrCat("not made: ", scheduler.status().message());
  times["scheduler"] = *scheduler;
  const absl::StatusOr<Values> ran = RunNode(TimestepsNode(), times);
  return ran.ok() ? "no error" : std::string(ran.status().message());
}

Tensor Latents(Shape shape) {
  return *Tensor::Of<float>(shape, std::vector<float>(static_cast<size_t>(shape.numel()), 0.5f));
}

// The inputs of a first step of `type` over `count` steps of [1, 4, 2, 2].
Values StepInputs(const std::string& type, const Values& options, int64_t count = 5) {
  const Value scheduler = *Make(type, options);
  Values times =
      *RunNode(TimestepsNode(), {{"scheduler", scheduler}, {"num_inference_steps", Value(count)}});
  const Tensor latent = Latents(Shape({1, 4, 2, 2}));
  return {{"scheduler", scheduler},
          {"noise", Value(latent)},
          {"latent", Value(latent)},
          {"step", times["first"]},
          {"state", times["state"]}};
}
absl::Status StepStatus(const Values& inputs) {
  return RunNode(SchedulerStepNode(), inputs).status();
}

TEST(SchedulerErrors, NameTheChoicesOfAnOption) {
  EXPECT_THAT(MakeError("EulerDiscreteScheduler", {{"beta_schedule", Text("scaled-linear")}}),
              AllOf(HasSubstr("\"beta_schedule\" is \"scaled-linear\""),
                    HasSubstr("linear, scaled_linear, squaredcos_cap_v2"),
                    HasSubstr("did you mean \"scaled_linear\"?")));
}

TEST(SchedulerErrors, NameTheConfigThatABadValueComesFrom) {
  EXPECT_THAT(MakeError("DDIMScheduler", {{"config", Config({{"prediction_type", "eps"}})}}),
              AllOf(HasSubstr("sd/scheduler_config.json"), HasSubstr("\"prediction_type\""),
                    HasSubstr("epsilon, v_prediction, sample")));
}

TEST(SchedulerErrors, RefuseAConfigValueOfAnotherKind) {
  EXPECT_THAT(MakeError("DDIMScheduler", {{"config", Config({{"num_train_timesteps", "1000"}})}}),
              AllOf(HasSubstr("\"num_train_timesteps\""), HasSubstr("int, not text")));
  EXPECT_THAT(MakeError("DDIMScheduler", {{"config", Config({{"beta_start", {{"x", 1}}}})}}),
              AllOf(HasSubstr("\"beta_start\""), HasSubstr("float, not null")));
  EXPECT_THAT(MakeError("DDIMScheduler", {{"config", Config({{"steps_offset", 0.5}})}}),
              HasSubstr("\"steps_offset\" expects int, not float"));
}

TEST(SchedulerErrors, RefuseValuesOutOfRange) {
  EXPECT_THAT(MakeError("DDIMScheduler", {{"num_train_timesteps", Value(int64_t{0})}}),
              HasSubstr("\"num_train_timesteps\" is 0, below its minimum of 2"));
  EXPECT_THAT(MakeError("DDIMScheduler", {{"eta", Value(1.5)}}),
              HasSubstr("\"eta\" is 1.5, above its maximum of 1"));
  EXPECT_THAT(MakeError("DDIMScheduler", {{"trained_betas", Value(List{Value(0.1), Value(2.0)})}}),
              HasSubstr("\"trained_betas\" is 2, above its maximum of 1"));
}

TEST(SchedulerErrors, RefuseTwoSigmaSpacingsAtOnce) {
  EXPECT_THAT(MakeError("HeunDiscreteScheduler",
                        {{"use_karras_sigmas", Value(true)}, {"use_beta_sigmas", Value(true)}}),
              HasSubstr("only one of \"use_karras_sigmas\""));
}

TEST(SchedulerErrors, RefuseASigmaRangeUpsideDown) {
  EXPECT_THAT(
      MakeError("EulerDiscreteScheduler", {{"sigma_min", Value(3.0)}, {"sigma_max", Value(2.0)}}),
      HasSubstr("\"sigma_max\" is 2; it must be above \"sigma_min\", 3"));
  EXPECT_THAT(MakeError("EulerDiscreteScheduler", {{"sigma_min", Value(0.0)}}),
              HasSubstr("\"sigma_min\" must be above 0"));
}

TEST(SchedulerErrors, RefuseTooFewTrainedBetas) {
  EXPECT_THAT(MakeError("DDPMScheduler", {{"trained_betas", Value(List{Value(0.1)})}}),
              HasSubstr("\"trained_betas\" has 1 values, but \"num_train_timesteps\" is 1000"));
}

TEST(SchedulerErrors, RefuseVariancesThatAreNoVariances) {
  EXPECT_THAT(MakeError("DDPMScheduler", {{"beta_start", Value(0.0)}}),
              HasSubstr("the variance of training step 0 comes out as 0"));
}

TEST(SchedulerErrors, RefuseOrdersThatASolverHasNot) {
  EXPECT_THAT(MakeError("DPMSolverMultistepScheduler", {{"solver_order", Value(int64_t{4})}}),
              HasSubstr("\"solver_order\" is 4; DPM-Solver has orders 1 to 3"));
  EXPECT_THAT(MakeError("DPMSolverMultistepScheduler", {{"solver_order", Value(int64_t{3})},
                                                        {"algorithm_type", Text("sde-dpmsolver")},
                                                        {"final_sigmas_type", Text("sigma_min")}}),
              HasSubstr("sde-dpmsolver has orders 1 and 2"));
  EXPECT_THAT(
      MakeError("DPMSolverSinglestepScheduler", {{"algorithm_type", Text("sde-dpmsolver")}}),
      HasSubstr("none of: dpmsolver, dpmsolver++, sde-dpmsolver++"));
}

TEST(SchedulerErrors, RefuseANoiseSolverThatEndsAtNoNoise) {
  EXPECT_THAT(MakeError("DPMSolverMultistepScheduler", {{"algorithm_type", Text("dpmsolver")}}),
              AllOf(HasSubstr("\"final_sigmas_type\" zero"), HasSubstr("use sigma_min")));
}

TEST(SchedulerErrors, RefuseAFlowWithoutItsPrediction) {
  EXPECT_THAT(MakeError("UniPCMultistepScheduler", {{"use_flow_sigmas", Value(true)}}),
              HasSubstr("\"use_flow_sigmas\" and \"prediction_type\" flow_prediction go together"));
  EXPECT_THAT(MakeError("UniPCMultistepScheduler", {{"shift_terminal", Value(0.1)}}),
              HasSubstr("\"shift_terminal\" is only for \"use_flow_sigmas\""));
}

TEST(SchedulerErrors, RefuseWhatTheNewerSolversHaveNot) {
  EXPECT_THAT(
      MakeError("KDPM2DiscreteScheduler", {{"config", Config({{"prediction_type", "sample"}})}}),
      HasSubstr("epsilon, v_prediction"));
  EXPECT_THAT(MakeError("DEISMultistepScheduler", {{"solver_order", Value(int64_t{4})}}),
              HasSubstr("\"solver_order\" is 4; DEIS has orders 1 to 3"));
  EXPECT_THAT(
      MakeError("EDMDPMSolverMultistepScheduler",
                {{"solver_order", Value(int64_t{3})}, {"algorithm_type", Text("sde-dpmsolver++")}}),
      HasSubstr("sde-dpmsolver++ has orders 1 and 2 here"));
  EXPECT_THAT(MakeError("SASolverScheduler", {{"algorithm_type", Text("noise_prediction")},
                                              {"thresholding", Value(true)}}),
              HasSubstr("\"thresholding\" needs \"algorithm_type\" data_prediction"));
  EXPECT_THAT(
      MakeError("DDIMInverseScheduler", {{"config", Config({{"timestep_spacing", "linspace"}})}}),
      HasSubstr("leading, trailing"));
  EXPECT_THAT(TimesError("IPNDMScheduler", {{"trained_betas", Value(List{Value(1.0), Value(0.0)})}},
                         {{"num_inference_steps", Value(int64_t{5})}}),
              HasSubstr("\"trained_betas\" has 2 values; a run of 5 steps takes 6"));
}

TEST(TimestepsErrors, RefuseNumbersOfStepsThatAreNotThere) {
  for (const auto& [type, node] : SchedulerNodes()) {
    EXPECT_THAT(TimesError(type, {}, {{"num_inference_steps", Value(int64_t{0})}}),
                HasSubstr("\"num_inference_steps\" is 0; the scheduler takes 1 to 1000"))
        << type;
    EXPECT_THAT(TimesError(type, {}, {{"num_inference_steps", Value(int64_t{1001})}}),
                HasSubstr("\"num_inference_steps\" is 1001"))
        << type;
  }
}

TEST(TimestepsErrors, RefuseStrengthsThatLeaveNoStep) {
  for (const auto& [type, node] : SchedulerNodes()) {
    EXPECT_THAT(TimesError(type, {}, {{"strength", Value(0.0)}}),
                HasSubstr("\"strength\" 0 of 20 steps leaves none; it must be at least 0.05"))
        << type;
    EXPECT_THAT(TimesError(type, {}, {{"strength", Value(0.04)}}), HasSubstr("leaves none"))
        << type;
  }
}

TEST(TimestepsErrors, RefuseStrengthsOutside0To1) {
  EXPECT_THAT(TimesError("DDIMScheduler", {}, {{"strength", Value(1.5)}}),
              HasSubstr("\"strength\" is 1.5; it must lie in 0..1"));
}

TEST(TimestepsErrors, SayThatRungeKuttaNeedsFourSteps) {
  EXPECT_THAT(TimesError("PNDMScheduler", {}, {{"num_inference_steps", Value(int64_t{3})}}),
              AllOf(HasSubstr("at least 4 steps"), HasSubstr("set skip_prk_steps")));
}

TEST(TimestepsErrors, SayHowManyStepsAConsistencyModelHas) {
  EXPECT_THAT(TimesError("LCMScheduler", {}, {{"num_inference_steps", Value(int64_t{51})}}),
              HasSubstr("\"num_inference_steps\" is 51, above \"original_inference_steps\", 50"));
  EXPECT_THAT(TimesError("LCMScheduler", {{"original_inference_steps", Value(int64_t{2000})}}, {}),
              HasSubstr("\"original_inference_steps\" is 2000, above \"num_train_timesteps\""));
}

TEST(TimestepsErrors, SayThatAnOffsetLeadsOutOfTheTraining) {
  EXPECT_THAT(TimesError("DDIMScheduler", {{"steps_offset", Value(int64_t{200})}}, {}),
              AllOf(HasSubstr("timestep 1150 is not one of the training's 1000"),
                    HasSubstr("\"steps_offset\"")));
}

TEST(TimestepsErrors, SayThatAClipLeavesNothing) {
  EXPECT_THAT(TimesError("DPMSolverMultistepScheduler", {{"lambda_min_clipped", Value(50.0)}}, {}),
              HasSubstr("\"lambda_min_clipped\" 50 leaves no timestep"));
}

TEST(SchedulerStepErrors, AskForAGeneratorWhereTheSchedulerDraws) {
  for (const char* type : {"DDPMScheduler", "EulerAncestralDiscreteScheduler", "LCMScheduler"}) {
    EXPECT_THAT(StepStatus(StepInputs(type, {})).message(), HasSubstr("wire a generator")) << type;
  }
  EXPECT_THAT(StepStatus(StepInputs("DPMSolverMultistepScheduler",
                                    {{"algorithm_type", Text("sde-dpmsolver++")}}))
                  .message(),
              HasSubstr("wire a generator"));
}

TEST(SchedulerStepErrors, NameBothShapes) {
  Values inputs = StepInputs("DDIMScheduler", {});
  inputs["noise"] = Value(Latents(Shape({1, 4, 2, 3})));
  const absl::Status status = StepStatus(inputs);
  EXPECT_THAT(status.message(), HasSubstr("is [1, 4, 2, 3], but the latent is [1, 4, 2, 2]"));
  EXPECT_EQ(PortOf(status), "noise");
}

TEST(SchedulerStepErrors, RefuseALatentThatIsNone) {
  Values inputs = StepInputs("DDIMScheduler", {});
  inputs["latent"] = Value(Latents(Shape({4, 2, 2})));
  EXPECT_THAT(StepStatus(inputs).message(), HasSubstr("expects [b, c, h, w] f32, not [4, 2, 2]"));
}

TEST(SchedulerStepErrors, RefuseAStepOfAnotherRun) {
  Values inputs = StepInputs("DDIMScheduler", {});
  inputs["step"] = StepInputs("DDIMScheduler", {}, 20).at("step");
  const absl::Status status = StepStatus(inputs);
  EXPECT_THAT(status.message(),
              HasSubstr("step 0 at timestep 950 is not one of this scheduler's run of 5"));
  EXPECT_EQ(PortOf(status), "step");
}

TEST(SchedulerStepErrors, RefuseARecordThatIsNoStep) {
  Values inputs = StepInputs("DDIMScheduler", {});
  inputs["step"] = Value(Record{{"index", Text("first")}});
  EXPECT_EQ(PortOf(StepStatus(inputs)), "step");
}

TEST(SchedulerStepErrors, RefuseARecordThatIsNoState) {
  Values inputs = StepInputs("DDIMScheduler", {});
  inputs["state"] = Value(Record{{"steps", Value(int64_t{5})}});
  EXPECT_THAT(StepStatus(inputs).message(), HasSubstr("Timesteps gives the first one"));
}

TEST(SchedulerStepErrors, RefuseAStateWithCountsThatNoRunHas) {
  for (const char* field : {"calls", "order"}) {
    Values inputs = StepInputs("PNDMScheduler", {});
    Record state = *inputs["state"].AsRecord();
    state.insert_or_assign(field, Value(int64_t{-3}));
    inputs["state"] = Value(std::move(state));
    EXPECT_THAT(StepStatus(inputs).message(), HasSubstr("Timesteps gives the first one")) << field;
  }
}

// A loop that goes back, or another scheduler in the middle of a run: the state holds more outputs
// than this scheduler remembers, or than there are steps before this one.
TEST(SchedulerStep, TakesStatesThatRememberMoreThanTheSchedulerDoes) {
  const Tensor latent = Latents(Shape({1, 4, 2, 2}));
  const Record state = {{"num_inference_steps", Value(int64_t{12})},
                        {"calls", Value(int64_t{9})},
                        {"order", Value(int64_t{1'000'000})},
                        {"seed", Value(int64_t{1})},
                        {"history", Value(List(9, Value(latent)))},
                        {"sample", Value(latent)},
                        {"partial", Value(latent)}};
  for (const auto& [type, node] : SchedulerNodes()) {
    Values inputs = StepInputs(type, {}, 12);
    inputs["generator"] = Value(std::shared_ptr<const Object>(std::make_shared<Generator>(Rng(1))));
    const Values times = *RunNode(TimestepsNode(), {{"scheduler", inputs["scheduler"]},
                                                    {"num_inference_steps", Value(int64_t{12})}});
    inputs["state"] = Value(state);
    const List& steps = *times.at("steps").AsList();
    for (const Value& step : {steps[0], steps[1], steps.back()}) {
      inputs["step"] = step;
      const absl::StatusOr<Values> after = RunNode(SchedulerStepNode(), inputs);
      ASSERT_TRUE(after.ok()) << type << ": " << after.status();
      EXPECT_EQ(after->at("latent").AsTensor()->shape(), latent.shape()) << type;
    }
  }
}

TEST(SchedulerStepErrors, RefuseAStateOfAnotherSize) {
  Values inputs = StepInputs("LMSDiscreteScheduler", {});
  Values after = *RunNode(SchedulerStepNode(), inputs);
  inputs["state"] = after["state"];
  inputs["step"] = inputs["step"].AsRecord()->at("next");
  inputs["latent"] = Value(Latents(Shape({1, 4, 4, 4})));
  inputs["noise"] = inputs["latent"];
  EXPECT_THAT(StepStatus(inputs).message(),
              HasSubstr("shapes differ: [1, 4, 4, 4] and [1, 4, 2, 2]"));
}

TEST(SchedulerStepErrors, SayThatPureNoiseTellsNothingOfThePicture) {
  Values options = {{"rescale_betas_zero_snr", Value(true)},
                    {"timestep_spacing", Text("trailing")},
                    {"clip_sample", Value(false)}};
  EXPECT_THAT(StepStatus(StepInputs("DDIMScheduler", options)).message(),
              HasSubstr("use v_prediction"));
  options["clip_sample"] = Value(true);
  EXPECT_TRUE(StepStatus(StepInputs("DDIMScheduler", options)).ok());
}

TEST(SchedulerStepErrors, AskForAVarianceThatTheModelLearned) {
  EXPECT_THAT(
      StepStatus(StepInputs("DDPMScheduler", {{"variance_type", Text("learned_range")}})).message(),
      HasSubstr("variance_type is learned_range, but the model's output has 4 channels"));
  Values inputs = StepInputs("UniPCMultistepScheduler", {});
  inputs["noise"] = Value(Latents(Shape({1, 8, 2, 2})));
  EXPECT_THAT(StepStatus(inputs).message(), HasSubstr("has 8 channels for a latent of 4"));
}

TEST(AddNoiseErrors, NameBothShapes) {
  Values inputs = StepInputs("DDIMScheduler", {});
  inputs.erase("state");
  inputs["noise"] = Value(Latents(Shape({2, 4, 2, 2})));
  const absl::Status status = RunNode(AddNoiseNode(), inputs).status();
  EXPECT_THAT(status.message(), HasSubstr("is [2, 4, 2, 2], but the latent is [1, 4, 2, 2]"));
  EXPECT_EQ(PortOf(status), "noise");
}

TEST(AddNoiseErrors, RefuseTimestepsBeyondTheTraining) {
  Values inputs = StepInputs("DDIMScheduler", {});
  inputs.erase("state");
  inputs["step"] = Value(
      Record{{"index", Value(int64_t{0})}, {"timestep", Value(1000.0)}, {"sigma", Value(1.0)}});
  EXPECT_THAT(RunNode(AddNoiseNode(), inputs).status().message(),
              HasSubstr("timestep 1000 is not one of the training's 0..999"));
}

}  // namespace
}  // namespace weft
