#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "absl/strings/match.h"
#include "nodes/sampling/scheduler_config.h"
#include "tests/nodes/sampling/run_node.h"
#include "tests/nodes/sampling/scheduler_nodes.h"

namespace weft {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

Value Text(const char* text) { return Value(std::string(text)); }

Value Make(const std::string& type, const Values& options) {
  absl::StatusOr<Values> made = RunNode(SchedulerNodes().at(type), options);
  EXPECT_TRUE(made.ok()) << type << ": " << made.status();
  return made.ok() ? (*made)["scheduler"] : Value();
}

Value Seeded(uint64_t seed) {
  return Value(std::shared_ptr<const Object>(std::make_shared<Generator>(Rng(seed))));
}

Tensor Random(uint64_t seed, Shape shape = Shape({1, 4, 2, 2})) {
  std::vector<float> values(static_cast<size_t>(shape.numel()));
  Rng(seed).Normal(absl::MakeSpan(values));
  return *Tensor::Of<float>(shape, values);
}

std::vector<float> Bits(const Value& latent) {
  const auto span = latent.AsTensor()->span<float>();
  return {span.begin(), span.end()};
}

// Steps begin..end of a run from what is carried; the model's output depends on the step.
void Walk(const Value& scheduler, const List& steps, size_t begin, size_t end, Values& carried) {
  for (size_t i = begin; i < end; ++i) {
    absl::StatusOr<Values> after =
        RunNode(SchedulerStepNode(), {{"scheduler", scheduler},
                                      {"noise", Value(Random(100 + i))},
                                      {"latent", carried["latent"]},
                                      {"step", steps[i]},
                                      {"state", carried["state"]},
                                      {"generator", carried["generator"]}});
    ASSERT_TRUE(after.ok()) << after.status();
    carried = *std::move(after);
  }
}

// A record as a file would bring it back: other objects, the same content.
Value Reloaded(const Value& value) {
  if (const Tensor* tensor = value.AsTensor()) {
    return Value(*Tensor::Of<float>(tensor->shape(), tensor->span<float>()));
  }
  if (const List* list = value.AsList()) {
    List copy;
    for (const Value& item : *list) copy.push_back(Reloaded(item));
    return Value(std::move(copy));
  }
  if (const Record* record = value.AsRecord()) {
    Record copy;
    for (const auto& [name, field] : *record) copy.emplace(name, Reloaded(field));
    return Value(std::move(copy));
  }
  return value;
}

class EveryScheduler : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Schedulers, EveryScheduler, testing::ValuesIn([] {
                           std::vector<std::string> types;
                           for (const auto& [type, node] : SchedulerNodes()) types.push_back(type);
                           return types;
                         }()),
                         [](const auto& instance) { return instance.param; });

// Clipped, DDIMInverseScheduler would end in the same values from any latent.
Values Unclipped(const std::string& type) {
  if (type == "DDIMInverseScheduler") return {{"clip_sample", Value(false)}};
  return {};
}

TEST_P(EveryScheduler, ResumesAndBranchesFromASavedStateBitForBit) {
  const Value scheduler = Make(GetParam(), Unclipped(GetParam()));
  const Values times = *RunNode(
      TimestepsNode(), {{"scheduler", scheduler}, {"num_inference_steps", Value(int64_t{8})}});
  const List& steps = *times.at("steps").AsList();
  const Values start = {
      {"latent", Value(Random(1))}, {"state", times.at("state")}, {"generator", Seeded(3)}};
  Values whole = start;
  Walk(scheduler, steps, 0, steps.size(), whole);
  for (size_t stop = 1; stop < steps.size(); ++stop) {
    Values saved = start;
    Walk(scheduler, steps, 0, stop, saved);
    saved["state"] = Reloaded(saved["state"]);
    saved["latent"] = Reloaded(saved["latent"]);
    // A branch that goes another way leaves the saved values as they are.
    Values branch = saved;
    branch["latent"] = Value(Random(77));
    Walk(Make(GetParam(), Unclipped(GetParam())), steps, stop, steps.size(), branch);
    if (stop == 4) {  // no scheduler is in the middle of a step here
      EXPECT_NE(Bits(branch["latent"]), Bits(whole["latent"]));
    }
    Walk(Make(GetParam(), Unclipped(GetParam())), steps, stop, steps.size(), saved);
    ASSERT_EQ(Bits(saved["latent"]), Bits(whole["latent"])) << "resumed at " << stop;
  }
}

TEST_P(EveryScheduler, RunsDryWithShapesAlone) {
  const Value scheduler = Make(GetParam(), {});
  const Values times = *RunNode(
      TimestepsNode(), {{"scheduler", scheduler}, {"num_inference_steps", Value(int64_t{6})}},
      Device::kMeta);
  const Shape shape({2, 4, 64, 64});
  const Value latent(*Tensor::Allocate(Allocator(Device::kMeta), DType::kF32, shape));
  Values carried = {{"latent", latent}, {"state", times.at("state")}, {"generator", Seeded(3)}};
  for (const Value& step : *times.at("steps").AsList()) {
    const absl::StatusOr<Values> after = RunNode(SchedulerStepNode(),
                                                 {{"scheduler", scheduler},
                                                  {"noise", latent},
                                                  {"latent", carried["latent"]},
                                                  {"step", step},
                                                  {"state", carried["state"]},
                                                  {"generator", carried["generator"]}},
                                                 Device::kMeta);
    ASSERT_TRUE(after.ok()) << after.status();
    carried = *after;
    EXPECT_TRUE(carried["latent"].AsTensor()->is_meta());
    EXPECT_EQ(carried["latent"].AsTensor()->shape(), shape);
    EXPECT_EQ(carried["original"].AsTensor()->shape(), shape);
  }
}

TEST_P(EveryScheduler, PredictsTheCleanLatentThatTheNoiseWasAddedTo) {
  // Models of these two do not predict the noise, and the third's latents lie a stride below it.
  if (absl::StartsWith(GetParam(), "EDM") || GetParam() == "IPNDMScheduler" ||
      GetParam() == "DDIMInverseScheduler") {
    GTEST_SKIP() << "its model predicts something else";
  }
  const Value scheduler = Make(GetParam(), {{"prediction_type", Text("epsilon")}});
  Values times = *RunNode(TimestepsNode(), {{"scheduler", scheduler},
                                            {"num_inference_steps", Value(int64_t{6})},
                                            {"strength", Value(0.5)}});
  Tensor clean = Random(5);
  for (float& x : absl::MakeSpan(clean.mutable_data<float>(), 16)) x *= 0.2f;  // within clipping
  const Value noise(Random(6));
  const Value noised = RunNode(AddNoiseNode(), {{"scheduler", scheduler},
                                                {"latent", Value(clean)},
                                                {"noise", noise},
                                                {"step", times["first"]}})
                           ->at("latent");
  Values after = *RunNode(SchedulerStepNode(), {{"scheduler", scheduler},
                                                {"noise", noise},
                                                {"latent", noised},
                                                {"step", times["first"]},
                                                {"state", times["state"]},
                                                {"generator", Seeded(1)}});
  for (size_t i = 0; i < 16; ++i) {
    EXPECT_NEAR(Bits(after["original"])[i], clean.span<float>()[i], 2e-5);
  }
}

TEST(Timesteps, GiveRecordsThatAGraphCanReachInto) {
  const Value scheduler = Make("HeunDiscreteScheduler", {});
  const Values times = *RunNode(
      TimestepsNode(), {{"scheduler", scheduler}, {"num_inference_steps", Value(int64_t{3})}});
  const List& steps = *times.at("steps").AsList();
  ASSERT_THAT(steps, SizeIs(5));  // two calls a step, one for the last
  for (size_t i = 0; i < steps.size(); ++i) {
    const Record& step = *steps[i].AsRecord();
    EXPECT_EQ(*step.at("index").AsInt(), static_cast<int64_t>(i));
    if (i + 1 == steps.size()) {
      EXPECT_TRUE(step.at("next").is_null());
      continue;
    }
    const Record& next = *step.at("next").AsRecord();
    EXPECT_EQ(*next.at("index").AsInt(), static_cast<int64_t>(i) + 1);
    EXPECT_EQ(*next.at("timestep").AsFloat(), *steps[i + 1].AsRecord()->at("timestep").AsFloat());
    EXPECT_EQ(*next.at("sigma").AsFloat(), *steps[i + 1].AsRecord()->at("sigma").AsFloat());
  }
  EXPECT_EQ(*steps[1].AsRecord()->at("timestep").AsFloat(),
            *steps[2].AsRecord()->at("timestep").AsFloat());
}

TEST(AddNoise, LeavesTheLatentCleanAfterTheLastStep) {
  const Value latent(Random(1));
  const Values noised = *RunNode(AddNoiseNode(), {{"scheduler", Make("DDIMScheduler", {})},
                                                  {"latent", latent},
                                                  {"noise", Value(Random(2))},
                                                  {"step", Value()}});
  EXPECT_EQ(Bits(noised.at("latent")), Bits(latent));
}

TEST(ScaleNoise, SaysThatLeadingSpacingNeedsTheFirstStep) {
  std::vector<std::string> notices;
  const Value leading = Make("EulerDiscreteScheduler", {{"timestep_spacing", Text("leading")}});
  const Values inputs = {{"scheduler", leading}, {"noise", Value(Random(2))}};
  ASSERT_TRUE(RunNode(ScaleNoiseNode(), inputs, Device::kCpu, &notices).ok());
  EXPECT_THAT(notices, ElementsAre(HasSubstr("wire \"first\" from Timesteps")));
  notices.clear();
  const Value linspace = Make("EulerDiscreteScheduler", {});
  ASSERT_TRUE(RunNode(ScaleNoiseNode(), {{"scheduler", linspace}, {"noise", Value(Random(2))}},
                      Device::kCpu, &notices)
                  .ok());
  EXPECT_THAT(notices, SizeIs(0));
}

TEST(ScaleNoise, NeedsNoStepsWhereTheyDoNotMatter) {
  for (const auto& [type, node] : SchedulerNodes()) {
    const Value scheduler = Make(type, {});
    const Values times = *RunNode(TimestepsNode(), {{"scheduler", scheduler}});
    const Values without =
        *RunNode(ScaleNoiseNode(), {{"scheduler", scheduler}, {"noise", Value(Random(2))}});
    const Values with = *RunNode(
        ScaleNoiseNode(),
        {{"scheduler", scheduler}, {"noise", Value(Random(2))}, {"first", times.at("first")}});
    EXPECT_EQ(Bits(without.at("latent")), Bits(with.at("latent"))) << type;
  }
}

TEST(SchedulerStep, LeavesTheGeneratorAloneWhereNothingIsDrawn) {
  const Value scheduler = Make("EulerDiscreteScheduler", {});
  const Values times = *RunNode(TimestepsNode(), {{"scheduler", scheduler}});
  const Values after = *RunNode(SchedulerStepNode(), {{"scheduler", scheduler},
                                                      {"noise", Value(Random(1))},
                                                      {"latent", Value(Random(2))},
                                                      {"step", times.at("first")},
                                                      {"state", times.at("state")},
                                                      {"generator", Seeded(9)}});
  const auto* generator = static_cast<const Generator*>(after.at("generator").AsObject());
  EXPECT_TRUE(generator->rng() == Rng(9));
}

TEST(DDPMScheduler, UsesAVarianceThatTheModelPredicts) {
  // With learned_range -1 means the lower bound, which is fixed_small, and 1 fixed_large.
  const auto one_step = [](const char* variance, const Tensor& output) {
    const Value scheduler =
        Make("DDPMScheduler", {{"variance_type", Text(variance)}, {"clip_sample", Value(false)}});
    const Values times = *RunNode(TimestepsNode(), {{"scheduler", scheduler}});
    return Bits(RunNode(SchedulerStepNode(), {{"scheduler", scheduler},
                                              {"noise", Value(output)},
                                              {"latent", Value(Random(2))},
                                              {"step", times.at("first")},
                                              {"state", times.at("state")},
                                              {"generator", Seeded(9)}})
                    ->at("latent"));
  };
  const Tensor plain = Random(1);
  for (const auto& [kind, bound] : {std::pair{"fixed_small", -1.0f}, {"fixed_large", 1.0f}}) {
    std::vector<float> both(plain.span<float>().begin(), plain.span<float>().end());
    both.resize(32, bound);
    const Tensor learned = *Tensor::Of<float>(Shape({1, 8, 2, 2}), both);
    const std::vector<float> want = one_step(kind, plain);
    const std::vector<float> got = one_step("learned_range", learned);
    for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-6) << kind;
  }
}

TEST(Generator, StandsWhereTorchStandsAfterSeeding) {
  for (const int64_t seed : {int64_t{0}, int64_t{-1}, int64_t{1} << 40}) {
    const Values made = *RunNode(GeneratorNode(), {{"seed", Value(seed)}});
    const auto* generator = static_cast<const Generator*>(made.at("generator").AsObject());
    EXPECT_TRUE(generator->rng() == Rng(static_cast<uint64_t>(seed)));
  }
}

}  // namespace
}  // namespace weft
