#include "nodes/sampling/guidance_math.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/nodes/models/golden.h"

namespace weft {
namespace {

using ::testing::ElementsAre;

// One picture of two channels and two places.
Tensor Picture(const std::vector<float>& values) { return MadeOf({1, 2, 1, 2}, values); }
Tensor Area(float left, float right) { return MadeOf({1, 1, 2, 1}, {left, right}); }
std::vector<float> ValuesOf(const Tensor& x) {
  return {x.span<float>().begin(), x.span<float>().end()};
}

TEST(Guide, PushesAwayFromTheUnconditional) {
  Ops ops = CpuOps();
  const Tensor noise = Guide(ops, MadeOf({2}, {1, -2}), MadeOf({2}, {2, 4}), 3.0);
  EXPECT_THAT(ValuesOf(noise), ElementsAre(1 + 3 * 1, -2 + 3 * 6));
}

TEST(GuideByAll, AddsUpWhatEachAnswerPushes) {
  Ops ops = CpuOps();
  const Answer answers[] = {{Picture({1, 2, 3, 4}), 1.0}, {Picture({0, 0, 1, 1}), -0.5}};
  const Tensor noise = GuideByAll(ops, Picture({0, 0, 0, 2}), answers, 2.0);
  EXPECT_THAT(ValuesOf(noise), ElementsAre(2, 4, 2 * (3 - 0.5), 2 + 2 * (2 + 0.5)));
}

TEST(GuideByAll, LetsAnAreaSpeakForItsPlacesAlone) {
  Ops ops = CpuOps();
  const Answer answers[] = {{Picture({1, 1, 1, 1}), 1.0, Area(1, 0)},
                            {Picture({5, 5, 5, 5}), 1.0, Area(0, 0.5)}};
  const Tensor noise = GuideByAll(ops, Picture({0, 0, 0, 0}), answers, 1.0);
  EXPECT_THAT(ValuesOf(noise), ElementsAre(1, 2.5, 1, 2.5));
}

TEST(GuideByAll, OfOneAnswerIsGuideToTheBit) {
  Ops ops = CpuOps();
  const Tensor u = Picture({0.1f, -0.7f, 3, 0.3f}), c = Picture({0.2f, 0.9f, -2, 0.7f});
  const Answer answers[] = {{c}};
  EXPECT_EQ(ValuesOf(GuideByAll(ops, u, answers, 7.3)), ValuesOf(Guide(ops, u, c, 7.3)));
}

TEST(MeanOf, WeighsByWeightAndArea) {
  Ops ops = CpuOps();
  const Answer answers[] = {{Picture({1, 1, 1, 1}), 3.0, Area(1, 0)}, {Picture({5, 5, 5, 5}), 1.0}};
  EXPECT_THAT(ValuesOf(MeanOf(ops, answers)), ElementsAre(2, 5, 2, 5));
}

TEST(MeanOf, ForgetsTheAreasWhereNoneReaches) {
  Ops ops = CpuOps();
  const Answer answers[] = {{Picture({1, 1, 1, 1}), 1.0, Area(1, 0)},
                            {Picture({5, 5, 5, 5}), 3.0, Area(1, 0)}};
  EXPECT_THAT(ValuesOf(MeanOf(ops, answers)), ElementsAre(4, 4, 4, 4));
}

TEST(FitAreas, ResizesAreasAndSharesWhereTheyOverlap) {
  Ops ops = CpuOps();
  const Tensor noise = Picture({0, 0, 0, 0});
  std::vector<Answer> answers = {{noise, 1.0, MadeOf({1, 1, 4, 1}, {1, 1, 1, 0})},
                                 {noise, 1.0, MadeOf({1, 2, 2, 1}, {1, 0, 1, 0})},
                                 {noise, 1.0}};
  FitAreas(ops, answers);
  EXPECT_THAT(ValuesOf(answers[0].area), ElementsAre(0.5, 0.5));
  EXPECT_THAT(ValuesOf(answers[1].area), ElementsAre(0.5, 0));
  EXPECT_TRUE(answers[2].area.empty());
}

TEST(RescaleGuided, GivesEachPictureTheContrastOfItsConditional) {
  Ops ops = CpuOps();
  const Tensor guided = MadeOf({2, 1, 1, 2}, {-4, 4, 0, 2});
  const Tensor conditional = MadeOf({2, 1, 1, 2}, {0, 4, 1, 3});
  // Contrasts 8 to 4, and 2 to 2.
  EXPECT_THAT(ValuesOf(RescaleGuided(ops, guided, conditional, 1.0)), ElementsAre(-2, 2, 0, 2));
  EXPECT_THAT(ValuesOf(RescaleGuided(ops, guided, conditional, 0.5)), ElementsAre(-3, 3, 0, 2));
}

TEST(RescaleGuided, LeavesAPictureWithoutContrast) {
  Ops ops = CpuOps();
  const Tensor flat = MadeOf({1, 1, 1, 2}, {3, 3});
  EXPECT_THAT(ValuesOf(RescaleGuided(ops, flat, MadeOf({1, 1, 1, 2}, {0, 4}), 1.0)),
              ElementsAre(3, 3));
}

TEST(AddImageGuidance, PushesTowardsThePicture) {
  Ops ops = CpuOps();
  const Tensor noise =
      AddImageGuidance(ops, MadeOf({2}, {10, 20}), MadeOf({2}, {3, 3}), MadeOf({2}, {1, 5}), 1.5);
  EXPECT_THAT(ValuesOf(noise), ElementsAre(11, 19));
}

}  // namespace
}  // namespace weft
