// Guidance with conditionings of several entries, in a part of the steps, and rescaled.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/sampling/guidance_math.h"
#include "tests/nodes/guidance_golden.h"
#include "tests/nodes/sampling/denoisers.h"

namespace weft {

NodeType GuidanceNode();

namespace {

using ::testing::HasSubstr;

constexpr char kName[] = "unet_sd2";  // looks at texts 20 wide
constexpr int64_t kWidth = 20;

Conditioning::Entry Entry(Tensor tokens, double weight = 1.0, StepRange steps = {},
                          Tensor area = {}) {
  return {.tokens = std::move(tokens), .weight = weight, .steps = steps, .area = std::move(area)};
}

class GuidanceEntriesTest : public ::testing::Test {
 protected:
  absl::StatusOr<Tensor> Ask(const Value& positive, const Value& negative, Values more = {},
                             const Value& step = StepAt(300, 3, 10)) {
    more["unet"] = unet_;
    more["positive"] = positive;
    if (!negative.is_null()) more["negative"] = negative;
    if (!more.contains("guidance_scale")) more["guidance_scale"] = Value(3.0);
    return Predict(GuidanceNode(), more, {{"latent", Value(latent_)}, {"step", step}});
  }
  // One pass, told one text.
  Tensor Alone(const Tensor& text) { return Ask(Says(text), Value()).value(); }
  Tensor Guided(const Tensor& base, std::vector<Answer> answers) {
    Ops ops = CpuOps();
    FitAreas(ops, answers);
    return ops.Finish(GuideByAll(ops, base, answers, 3.0)).value();
  }
  void Expect(const absl::StatusOr<Tensor>& got, const Tensor& wanted) {
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_LE(Distance(*got, wanted), 1e-5);
  }

  const Value unet_ = Wire(LoadUnet(kName));
  const Tensor a_ = Noise({1, 7, kWidth}, 1);
  const Tensor b_ = Noise({1, 7, kWidth}, 2);
  const Tensor longer_ = Noise({1, 14, kWidth}, 3);
  const Tensor away_ = Noise({1, 7, kWidth}, 4);
  const Tensor latent_ = Noise({2, 4, 8, 12}, 5);
  const Tensor left_ = MadeOf({1, 1, 2, 1}, {1, 0});
  const Tensor right_ = MadeOf({1, 1, 2, 1}, {0, 1});
};

TEST_F(GuidanceEntriesTest, GoesTowardsAllEntriesAtOnce) {
  Expect(Ask(Told({Entry(a_), Entry(b_, -0.5)}), Says(away_)),
         Guided(Alone(away_), {{Alone(a_)}, {Alone(b_), -0.5}}));
}

TEST_F(GuidanceEntriesTest, TakesEntriesOfDifferentLengths) {
  Expect(Ask(Told({Entry(a_), Entry(longer_, 0.7)}), Says(away_)),
         Guided(Alone(away_), {{Alone(a_)}, {Alone(longer_), 0.7}}));
}

TEST_F(GuidanceEntriesTest, LeavesOutEntriesThatDoNotHoldInTheStep) {
  const Value told =
      Told({Entry(a_, 1.0, {.last_share = 0.5}), Entry(b_, 1.0, {.first_share = 0.5})});
  const Tensor u = Alone(away_);
  Expect(Ask(told, Says(away_), {}, StepAt(300, 4, 10)), Guided(u, {{Alone(a_)}}));
  Expect(Ask(told, Says(away_), {}, StepAt(300, 5, 10)), Guided(u, {{Alone(b_)}}));
  const Value lengths =
      Told({Entry(a_, 1.0, {.end_step = 2}), Entry(longer_, 1.0, {.first_step = 2})});
  Expect(Ask(lengths, Says(away_), {}, StepAt(300, 2, 10)), Guided(u, {{Alone(longer_)}}));
}

TEST_F(GuidanceEntriesTest, PicksTheMiddleOneOfThreeThatLieTogether) {
  const Value told =
      Told({Entry(a_, 1.0, {.turns = 3, .turn = 0}), Entry(b_, 1.0, {.turns = 3, .turn = 1}),
            Entry(away_, 1.0, {.turns = 3, .turn = 2})});
  Expect(Ask(told, Value(), {}, StepAt(300, 4, 10)), Alone(b_));
}

TEST_F(GuidanceEntriesTest, GivesEachEntryItsArea) {
  const Value told = Told({Entry(a_, 1.0, {}, left_), Entry(b_, 1.0, {}, right_)});
  const Tensor noise = Ask(told, Says(away_)).value();
  const Tensor u = Alone(away_);
  const Tensor only_a = Guided(u, {{Alone(a_)}});
  const Tensor only_b = Guided(u, {{Alone(b_)}});
  for (int64_t i = 0; i < noise.numel(); ++i) {
    const Tensor& wanted = i % 12 < 6 ? only_a : only_b;
    ASSERT_NEAR(noise.data<float>()[i], wanted.data<float>()[i], 1e-4) << "at " << i;
  }
}

TEST_F(GuidanceEntriesTest, KeepsAwayFromTheMeanOfSeveralNegativeTexts) {
  Ops ops = CpuOps();
  const Answer away[] = {{Alone(b_), 3.0}, {Alone(away_), 1.0}};
  Expect(Ask(Says(a_), Told({Entry(b_, 3.0), Entry(away_)})),
         Guided(MeanOf(ops, away), {{Alone(a_)}}));
}

TEST_F(GuidanceEntriesTest, TakesTheMeanOfEntriesWithoutGuidance) {
  Ops ops = CpuOps();
  const Answer answers[] = {{Alone(a_), 3.0}, {Alone(b_), 1.0}};
  Expect(Ask(Told({Entry(a_, 3.0), Entry(b_)}), Value()), MeanOf(ops, answers));
  const auto none = Ask(Told({Entry(a_), Entry(b_, -1.0)}), Value());
  EXPECT_THAT(std::string(none.status().message()),
              HasSubstr("the weights of these texts add up to 0"));
}

TEST_F(GuidanceEntriesTest, GuidesInAPartOfTheStepsAlone) {
  const Values interval = {{"guidance_start", Value(0.2)}, {"guidance_stop", Value(0.6)}};
  const Tensor guided = Guided(Alone(away_), {{Alone(a_)}});
  for (int64_t step = 0; step < 10; ++step) {
    const bool acts = step >= 2 && step < 6;
    Expect(Ask(Says(a_), Says(away_), interval, StepAt(300, step, 10)), acts ? guided : Alone(a_));
  }
}

TEST_F(GuidanceEntriesTest, AsksForAStepThatSaysWhereItIs) {
  const auto interval = Ask(Says(a_), Says(away_), {{"guidance_stop", Value(0.6)}}, StepAt(300));
  EXPECT_THAT(std::string(interval.status().message()), HasSubstr("take it from Timesteps"));
  const auto range = Ask(Told({Entry(a_, 1.0, {.last_share = 0.5})}), Says(away_), {}, StepAt(300));
  EXPECT_THAT(std::string(range.status().message()), HasSubstr("take it from Timesteps"));
}

TEST_F(GuidanceEntriesTest, SaysThatNothingHoldsInAStep) {
  const auto noise = Ask(Told({Entry(a_, 1.0, {.last_share = 0.3})}), Value());
  EXPECT_THAT(std::string(noise.status().message()),
              HasSubstr("no part of the conditioning holds in step 3 of 10"));
}

TEST_F(GuidanceEntriesTest, RefusesAnIntervalWithoutSteps) {
  const auto noise =
      Ask(Says(a_), Says(away_), {{"guidance_start", Value(0.6)}, {"guidance_stop", Value(0.6)}});
  EXPECT_EQ(PortOf(noise.status()), "guidance_stop");
}

TEST_F(GuidanceEntriesTest, NamesAnEntryOfAnotherWidth) {
  const auto noise = Ask(Told({Entry(a_), Entry(Noise({1, 7, 24}, 1))}), Says(away_));
  EXPECT_EQ(PortOf(noise.status()), "positive");
  EXPECT_THAT(std::string(noise.status().message()), HasSubstr("one of its texts is 24 wide"));
}

// What diffusers' pipelines answered; see tests/parity/guidance_goldens.py.
class GuidanceGoldenTest : public ::testing::Test {
 protected:
  Tensor Get(const std::string& name) const { return golden_.Get(name); }
  Value Step(const std::string& name) const { return StepAt(Get(name).data<float>()[0], 0, 2); }
  const GuidanceGolden golden_;
  const Value unet_ = Wire(LoadUnet(kName));
};

TEST_F(GuidanceGoldenTest, RescalesAsDiffusersDoes) {
  const auto noise =
      Predict(GuidanceNode(),
              {{"unet", unet_},
               {"positive", Says(Get("rescaled.positive"))},
               {"negative", Says(Get("rescaled.negative"))},
               {"guidance_scale", Value(6.0)},
               {"guidance_rescale", Value(0.7)}},
              {{"latent", Value(Get("rescaled.latent"))}, {"step", Step("rescaled.timestep")}});
  ASSERT_TRUE(noise.ok()) << noise.status();
  EXPECT_LE(Distance(*noise, Get("rescaled.noise")), 1e-4);
}

TEST_F(GuidanceGoldenTest, ComposesTextsAsDiffusersCommunityPipelineDoes) {
  const auto noise = Predict(
      GuidanceNode(),
      {{"unet", unet_},
       {"positive", Told({Entry(Get("composed.first")), Entry(Get("composed.second"), -0.4)})},
       {"negative", Says(Get("composed.negative"))},
       {"guidance_scale", Value(6.0)}},
      {{"latent", Value(Get("composed.latent"))}, {"step", Step("composed.timestep")}});
  ASSERT_TRUE(noise.ok()) << noise.status();
  EXPECT_LE(Distance(*noise, Get("composed.noise")), 1e-4);
}

}  // namespace
}  // namespace weft
