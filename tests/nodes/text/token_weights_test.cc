#include "nodes/text/token_weights.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/nodes/guidance_golden.h"

namespace weft {
namespace {

// Written by tests/parity/guidance_goldens.py from the formulas.
class WeightTokensTest : public ::testing::Test {
 protected:
  std::vector<float> Weighted(TokenWeighting weighting) {
    std::vector<float> states = golden_.Values("token_weights.states");
    WeightTokens(absl::MakeSpan(states), golden_.Values("token_weights.weights"),
                 golden_.Values("token_weights.empty").data(), weighting);
    return states;
  }
  void ExpectGolden(TokenWeighting weighting, const std::string& name) {
    const std::vector<float> wanted = golden_.Values("token_weights." + name);
    const std::vector<float> got = Weighted(weighting);
    ASSERT_EQ(got.size(), wanted.size());
    for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 1e-5) << "at " << i;
  }

  const GuidanceGolden golden_;
};

TEST_F(WeightTokensTest, MultipliesAndRestoresTheMean) {
  ExpectGolden(TokenWeighting::kKeepMean, "keep_mean");
}
TEST_F(WeightTokensTest, Multiplies) { ExpectGolden(TokenWeighting::kMultiply, "multiply"); }
TEST_F(WeightTokensTest, GoesFromTheEmptyTextToTheText) {
  ExpectGolden(TokenWeighting::kInterpolate, "interpolate");
}

TEST(WeightTokens, LeavesTheBitsOfUnweightedTokens) {
  std::vector<float> states = {0.1f, 0.2f, 0.3f, 0.4f};
  const std::vector<float> before = states;
  WeightTokens(absl::MakeSpan(states), {1.0f, 1.0f}, nullptr, TokenWeighting::kKeepMean);
  EXPECT_EQ(states, before);
}

TEST(WeightTokens, DoesNotDivideByAMeanThatIsGone) {
  std::vector<float> states = {1.0f, 1.0f, 1.0f, 1.0f};
  WeightTokens(absl::MakeSpan(states), {1.0f, -1.0f}, nullptr, TokenWeighting::kKeepMean);
  EXPECT_EQ(states, (std::vector<float>{1, 1, -1, -1}));
}

TEST(TokenWeighting, HasANameForEach) {
  EXPECT_EQ(TokenWeightingFromName("keep_mean"), TokenWeighting::kKeepMean);
  EXPECT_EQ(TokenWeightingFromName("multiply"), TokenWeighting::kMultiply);
  EXPECT_EQ(TokenWeightingFromName("interpolate"), TokenWeighting::kInterpolate);
}

}  // namespace
}  // namespace weft
