#include "nodes/sampling/noise_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "nodes/sampling/beta_quantile.h"

namespace weft {
namespace {

using testing::ElementsAre;

NoiseSchedule StableDiffusion() {
  SchedulerOptions options;
  options.beta_start = 0.00085;
  options.beta_end = 0.012;
  options.beta_schedule = "scaled_linear";
  return *NoiseSchedule::Make(options, true);
}

TEST(NoiseSchedule, HoldsTheNoiseLevelsOfStableDiffusion) {
  const NoiseSchedule schedule = StableDiffusion();
  EXPECT_EQ(schedule.size(), 1000);
  EXPECT_NEAR(schedule.max_sigma(), 14.6146, 1e-4);
  EXPECT_NEAR(schedule.min_sigma(), 0.0292, 1e-4);
}

TEST(NoiseSchedule, FindsTheTimestepOfASigmaAndBack) {
  const NoiseSchedule schedule = StableDiffusion();
  for (double t : {0.0, 0.5, 10.25, 500.0, 998.75, 999.0}) {
    // One way is straight in sigma, the other in its logarithm.
    EXPECT_NEAR(schedule.TimestepOf(schedule.SigmaAt(t)), t, 0.05) << t;
  }
  EXPECT_EQ(schedule.TimestepOf(1e-9), 0.0);
  EXPECT_EQ(schedule.TimestepOf(1e9), 999.0);
  EXPECT_EQ(schedule.SigmaAt(-5.0), schedule.min_sigma());
  EXPECT_EQ(schedule.SigmaAt(5000.0), schedule.max_sigma());
}

TEST(NoiseSchedule, EndsInPureNoiseWhereRescaled) {
  SchedulerOptions options;
  options.rescale_betas_zero_snr = true;
  const NoiseSchedule pure = *NoiseSchedule::Make(options, false);
  EXPECT_EQ(pure.alpha(999), 0.0);
  EXPECT_TRUE(std::isfinite(pure.sigma(999)));
  const NoiseSchedule kept = *NoiseSchedule::Make(options, true);
  EXPECT_EQ(kept.alpha(999), 0x1p-24);
  EXPECT_NEAR(kept.sigma(999), 4096.0, 1e-3);
}

TEST(SpacedTimesteps, FollowTheThreeKinds) {
  EXPECT_THAT(SpacedTimesteps({.kind = "linspace", .count = 4}), ElementsAre(999, 666, 333, 0));
  EXPECT_THAT(SpacedTimesteps({.kind = "leading", .count = 4, .offset = 1}),
              ElementsAre(751, 501, 251, 1));
  EXPECT_THAT(SpacedTimesteps({.kind = "trailing", .count = 4}), ElementsAre(999, 749, 499, 249));
  EXPECT_THAT(SpacedTimesteps({.kind = "linspace", .count = 4, .ends_below = true}),
              ElementsAre(999, 749, 500, 250));
  EXPECT_THAT(SpacedTimesteps({.kind = "leading", .count = 4, .ends_below = true}),
              ElementsAre(800, 600, 400, 200));
  EXPECT_THAT(SpacedTimesteps({.kind = "linspace", .count = 1}), ElementsAre(0));
}

TEST(SpacedTimesteps, AreAsManyAsAskedFor) {
  for (const char* kind : {"linspace", "leading", "trailing"}) {
    for (int64_t count = 1; count <= 1000; ++count) {
      const std::vector<double> steps = SpacedTimesteps({.kind = kind, .count = count});
      ASSERT_EQ(static_cast<int64_t>(steps.size()), count) << kind;
      ASSERT_GE(steps.back(), 0.0) << kind << " " << count;
    }
  }
}

TEST(Sigmas, RunFromTheHighestToTheLowest) {
  for (const auto& sigmas :
       {KarrasSigmas(14.0, 0.03, 9), ExponentialSigmas(14.0, 0.03, 9), BetaSigmas(14.0, 0.03, 9)}) {
    ASSERT_EQ(sigmas.size(), 9u);
    EXPECT_NEAR(sigmas.front(), 14.0, 1e-12);
    EXPECT_NEAR(sigmas.back(), 0.03, 1e-12);
    for (size_t i = 1; i < sigmas.size(); ++i) EXPECT_LT(sigmas[i], sigmas[i - 1]);
  }
  EXPECT_NEAR(ExponentialSigmas(16.0, 1.0, 3)[1], 4.0, 1e-12);
  EXPECT_NEAR(BetaSigmas(1.0, 0.0, 3)[1], 0.5, 1e-12);
}

TEST(BetaQuantile, EqualsSciPys) {
  EXPECT_NEAR(BetaQuantile(0.001, 0.6, 0.6), 1.855873851745199e-05, 2e-17);
  EXPECT_NEAR(BetaQuantile(0.1, 0.6, 0.6), 0.03958440558878085, 4e-14);
  EXPECT_NEAR(BetaQuantile(0.37, 0.6, 0.6), 0.3227940020973615, 3e-13);
  EXPECT_NEAR(BetaQuantile(0.5, 0.6, 0.6), 0.5, 5e-13);
  EXPECT_NEAR(BetaQuantile(0.9, 0.6, 0.6), 0.9604155944112192, 1e-12);
  EXPECT_NEAR(BetaQuantile(0.999, 0.6, 0.6), 0.9999814412614826, 1e-12);
  EXPECT_NEAR(BetaQuantile(0.2, 2.0, 3.0), 0.21231712827795127, 2e-13);
  EXPECT_NEAR(BetaQuantile(0.9, 0.6, 5.0), 0.27701656551607423, 3e-13);
  EXPECT_NEAR(RegularizedBeta(0.4, 2.0, 3.0), 0.5248, 1e-15);
  EXPECT_EQ(BetaQuantile(0.0, 0.6, 0.6), 0.0);
  EXPECT_EQ(BetaQuantile(1.0, 0.6, 0.6), 1.0);
}

TEST(BetaQuantile, UndoesTheDistribution) {
  for (double p = 0.01; p < 1.0; p += 0.01) {
    for (const auto& [a, b] : {std::pair{0.6, 0.6}, {2.0, 3.0}, {0.5, 4.0}, {7.0, 0.8}}) {
      EXPECT_NEAR(RegularizedBeta(BetaQuantile(p, a, b), a, b), p, 1e-12) << a << " " << b;
    }
  }
}

}  // namespace
}  // namespace weft
