#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "nodes/text/conditioning.h"
#include "nodes/text/prompt.h"
#include "tests/nodes/models/run_node.h"

namespace weft {

NodeType ApplyPromptNode();

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Value Encoded(Tensor tokens, Tensor pooled = {}) {
  std::vector<Conditioning::Entry> entries(1);
  entries[0].tokens = std::move(tokens);
  entries[0].pooled = std::move(pooled);
  entries[0].sizes = {64, 64};
  return Value(
      std::shared_ptr<const Object>(std::make_shared<const Conditioning>(std::move(entries))));
}

Value Wire(std::shared_ptr<const Prompt> prompt) {
  return Value(std::shared_ptr<const Object>(std::move(prompt)));
}

// Rows of two tokens, two wide: 1, 2, 3, …
Tensor Rows(int64_t count) {
  std::vector<float> values(static_cast<size_t>(count * 4));
  std::iota(values.begin(), values.end(), 1.0f);
  return MadeOf({count, 2, 2}, values);
}

std::vector<float> ValuesOf(const Tensor& x) {
  return {x.span<float>().begin(), x.span<float>().end()};
}

absl::StatusOr<std::vector<Conditioning::Entry>> Apply(const Value& encoded, const Value& prompt,
                                                       const NodeRun& how = {}) {
  const auto outputs =
      RunNode(ApplyPromptNode(), {{"conditioning", encoded}, {"prompt", prompt}}, how);
  if (!outputs.ok()) return outputs.status();
  return dynamic_cast<const Conditioning*>(outputs->at("conditioning").AsObject())->entries();
}

TEST(ApplyPrompt, HandsThroughWhatAPlainPromptSays) {
  const Value encoded = Encoded(Rows(1));
  const auto outputs = RunNode(
      ApplyPromptNode(), {{"conditioning", encoded}, {"prompt", Wire(std::make_shared<Prompt>())}});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_EQ(outputs->at("conditioning").AsObject(), encoded.AsObject());
}

TEST(ApplyPrompt, MakesAnEntryOfTheRowsOfEachText) {
  std::vector<Prompt::Text> texts = {
      {.first_row = 0, .rows = 2, .weight = 0.5},
      {.first_row = 2, .rows = 1, .token_weights = {1, 3}, .steps = {.first_share = 0.5}}};
  const auto prompt = std::make_shared<const Prompt>(texts, TokenWeighting::kMultiply, 3);
  const auto entries = Apply(Encoded(Rows(3), MadeOf({3, 1}, {7, 8, 9})), Wire(prompt));
  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ((*entries)[0].tokens.shape(), (Shape{1, 4, 2}));
  EXPECT_THAT(ValuesOf((*entries)[0].tokens), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_EQ((*entries)[0].weight, 0.5);
  EXPECT_THAT(ValuesOf((*entries)[0].pooled), ElementsAre(7));
  EXPECT_THAT(ValuesOf((*entries)[1].tokens), ElementsAre(9, 10, 33, 36));
  EXPECT_EQ((*entries)[1].steps.first_share, 0.5);
  EXPECT_THAT(ValuesOf((*entries)[1].pooled), ElementsAre(9));
  EXPECT_THAT((*entries)[1].sizes, ElementsAre(64, 64));
}

TEST(ApplyPrompt, RestoresTheMeanOfEachChunkByItself) {
  std::vector<Prompt::Text> texts = {{.first_row = 0, .rows = 2, .token_weights = {1, 2, 1, 1}}};
  const auto prompt = std::make_shared<const Prompt>(texts, TokenWeighting::kKeepMean, 2);
  const auto entries = Apply(Encoded(Rows(2)), Wire(prompt));
  ASSERT_TRUE(entries.ok()) << entries.status();
  const std::vector<float> got = ValuesOf((*entries)[0].tokens);
  EXPECT_NEAR(got[0] + got[1] + got[2] + got[3], 1 + 2 + 3 + 4, 1e-5);
  EXPECT_NEAR(got[2] / got[0], 2 * 3.0 / 1, 1e-5);
  EXPECT_THAT(std::vector<float>(got.begin() + 4, got.end()), ElementsAre(5, 6, 7, 8));
}

TEST(ApplyPrompt, InterpolatesFromTheEmptyText) {
  std::vector<Prompt::Text> texts = {{.first_row = 0, .rows = 1, .token_weights = {1, 0}}};
  const auto prompt = std::make_shared<const Prompt>(texts, TokenWeighting::kInterpolate, 2);
  const auto entries = Apply(Encoded(Rows(2)), Wire(prompt));
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_THAT(ValuesOf((*entries)[0].tokens), ElementsAre(1, 2, 7, 8));
}

TEST(ApplyPrompt, HasInADryRunTheShapesOfTheRun) {
  std::vector<Prompt::Text> texts = {{.first_row = 0, .rows = 2, .token_weights = {1, 2, 1, 1}}};
  const auto prompt = std::make_shared<const Prompt>(texts, TokenWeighting::kKeepMean, 2);
  const Tensor rows = Tensor::Allocate(Allocator(Device::kMeta), DType::kF32, {2, 2, 2}).value();
  const auto entries = Apply(Encoded(rows), Wire(prompt), {.dry = true});
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_EQ((*entries)[0].tokens.shape(), (Shape{1, 4, 2}));
  EXPECT_TRUE((*entries)[0].tokens.is_meta());
}

TEST(ApplyPrompt, RefusesAPromptOfOtherTokens) {
  const auto prompt =
      std::make_shared<const Prompt>(std::vector<Prompt::Text>(1), TokenWeighting::kMultiply, 1);
  const auto entries = Apply(Encoded(Rows(3)), Wire(prompt));
  EXPECT_EQ(PortOf(entries.status()), "conditioning");
  EXPECT_THAT(std::string(entries.status().message()),
              HasSubstr("is of 3 rows of tokens, the prompt of 1"));
}

}  // namespace
}  // namespace weft
