#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "nodes/sampling/deep_cache.h"
#include "tests/nodes/sampling/denoisers.h"

namespace weft {

NodeType GuidanceNode();
NodeType PredictNoiseCachedNode();
NodeType UnconditionalDenoiserNode();

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(DeepCache, ServesUntilTheIntervalIsOver) {
  DeepFeatures kept{.branch = 2, .told = {0, 2}, .features = MadeOf({1}, {0})};
  const auto serves = [&kept](int64_t age, int64_t interval) {
    kept.age = age;
    return Serves({.interval = interval, .branch = 2, .kept = kept}, {0, 2});
  };
  EXPECT_TRUE(serves(0, 2));
  EXPECT_FALSE(serves(1, 2));
  EXPECT_TRUE(serves(1, 3));
  EXPECT_FALSE(serves(2, 3));
  EXPECT_FALSE(serves(0, 1));
  EXPECT_FALSE(serves(std::numeric_limits<int64_t>::max(), 3));
  EXPECT_FALSE(Serves({.interval = 9, .branch = 1, .kept = kept}, {0, 2})) << "cut elsewhere";
  EXPECT_FALSE(Serves({.interval = 9, .branch = 2, .kept = kept}, {2})) << "told something else";
  EXPECT_FALSE(Serves({.interval = 9}, {})) << "nothing is kept";
}

TEST(DeepCache, IsPlainData) {
  const DeepFeatures kept{.age = 3, .branch = 2, .told = {1, 5}, .features = MadeOf({2}, {4, 5})};
  const DeepFeatures again = DeepFeatures::From(kept.To());
  EXPECT_EQ(again.age, 3);
  EXPECT_EQ(again.branch, 2);
  EXPECT_THAT(again.told, ElementsAre(1, 5));
  EXPECT_THAT(again.features.span<float>(), ElementsAre(4, 5));
  EXPECT_TRUE(DeepFeatures::From({}).features.empty());
}

// unet_sd2 looks at texts 20 wide.
class PredictNoiseCachedTest : public ::testing::Test {
 protected:
  static constexpr int64_t kSteps = 6;

  Value Bind(Values more = {}) {
    more.insert({{"unet", Wire(LoadUnet("unet_sd2"))},
                 {"positive", Says(Noise({1, 7, 20}, 1))},
                 {"negative", Says(Noise({1, 7, 20}, 2))}});
    return RunNode(GuidanceNode(), more).value().at("denoiser");
  }
  static Values Question(const Value& denoiser, int64_t step) {
    return {{"denoiser", denoiser},
            {"latent", Value(Noise({1, 4, 8, 8}, 10 + static_cast<uint64_t>(step)))},
            {"step", StepAt(900.0 - 100.0 * static_cast<double>(step), step, kSteps)}};
  }
  static Tensor Whole(const Value& denoiser, int64_t step) {
    return *RunNode(PredictNoiseNode(), Question(denoiser, step)).value().at("noise").AsTensor();
  }
  // The answers of steps from..to, and what they hand on in `cache`.
  static std::vector<Tensor> Walk(const Value& denoiser, int64_t interval, int64_t from, int64_t to,
                                  Value& cache, int64_t branch = 0) {
    std::vector<Tensor> answers;
    for (int64_t i = from; i < to; ++i) {
      Values question = Question(denoiser, i);
      question["cache"] = cache;
      question["cache_interval"] = Value(interval);
      question["cache_branch"] = Value(branch);
      const auto outputs = RunNode(PredictNoiseCachedNode(), question);
      EXPECT_TRUE(outputs.ok()) << outputs.status();
      if (!outputs.ok()) return answers;
      answers.push_back(*outputs->at("noise").AsTensor());
      cache = outputs->at("cache");
    }
    return answers;
  }
};

TEST_F(PredictNoiseCachedTest, IsPredictNoiseBitForBitAtAnIntervalOfOne) {
  const Value denoiser = Bind();
  Value cache;
  const std::vector<Tensor> answers = Walk(denoiser, 1, 0, 3, cache);
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(Distance(answers[static_cast<size_t>(i)], Whole(denoiser, i)), 0);
  }
  EXPECT_TRUE(DeepFeatures::From(*cache.AsRecord()).features.empty());
}

TEST_F(PredictNoiseCachedTest, RunsTheWholeNetworkEveryThirdStep) {
  const Value denoiser = Bind();
  Value cache;
  const std::vector<Tensor> answers = Walk(denoiser, 3, 0, kSteps, cache);
  for (int64_t i = 0; i < kSteps; ++i) {
    const double apart = Distance(answers[static_cast<size_t>(i)], Whole(denoiser, i));
    if (i % 3 == 0) {
      EXPECT_EQ(apart, 0) << "step " << i;
    } else {
      EXPECT_GT(apart, 1e-3) << "step " << i;
    }
  }
}

TEST_F(PredictNoiseCachedTest, ResumesASavedStepBitForBit) {
  const Value denoiser = Bind();
  Value through, halfway;
  const std::vector<Tensor> all = Walk(denoiser, 4, 0, kSteps, through, 1);
  Walk(denoiser, 4, 0, 2, halfway, 1);
  DeepFeatures saved = DeepFeatures::From(*halfway.AsRecord());
  saved.features = MadeOf(saved.features.shape(), {saved.features.span<float>().begin(),
                                                   saved.features.span<float>().end()});
  Value cache(saved.To());
  const std::vector<Tensor> rest = Walk(denoiser, 4, 2, kSteps, cache, 1);
  for (size_t i = 0; i < rest.size(); ++i) EXPECT_EQ(Distance(rest[i], all[i + 2]), 0) << i;
}

TEST_F(PredictNoiseCachedTest, RunsTheWholeNetworkWhereGuidanceBeginsOrEnds) {
  const Value denoiser = Bind({{"guidance_start", Value(0.5)}});  // from step 3 on
  Value cache;
  const std::vector<Tensor> answers = Walk(denoiser, 100, 0, kSteps, cache);
  for (const int64_t step : {0, 3}) {
    EXPECT_EQ(Distance(answers[static_cast<size_t>(step)], Whole(denoiser, step)), 0) << step;
  }
  for (const int64_t step : {1, 2, 4, 5}) {
    EXPECT_GT(Distance(answers[static_cast<size_t>(step)], Whole(denoiser, step)), 1e-3) << step;
  }
}

TEST_F(PredictNoiseCachedTest, ServesEveryKindOfDenoiser) {
  const Value denoiser =
      RunNode(UnconditionalDenoiserNode(), {{"unet", Wire(LoadUnet("unet_ddpm"))}})
          .value()
          .at("denoiser");
  Values question = {{"denoiser", denoiser},
                     {"latent", Value(Noise({1, 3, 16, 16}, 1))},
                     {"step", StepAt(500)},
                     {"cache_interval", Value(int64_t{2})}};
  const Values first = RunNode(PredictNoiseCachedNode(), question).value();
  question["cache"] = first.at("cache");
  const Values second = RunNode(PredictNoiseCachedNode(), question).value();
  EXPECT_EQ(Distance(*second.at("noise").AsTensor(), *first.at("noise").AsTensor()), 0)
      << "the same latent, with its own features";
  EXPECT_EQ(DeepFeatures::From(*second.at("cache").AsRecord()).age, 1);
}

TEST_F(PredictNoiseCachedTest, NamesTheSkipConnectionsThereAre) {
  Values question = Question(Bind(), 0);
  question["cache_interval"] = Value(int64_t{2});
  question["cache_branch"] = Value(int64_t{6});
  const auto noise = RunNode(PredictNoiseCachedNode(), question);
  EXPECT_THAT(noise.status().message(),
              HasSubstr("\"cache_branch\" is 6; this network has 6 skip connections, 0 to 5"));
}

}  // namespace
}  // namespace weft
