#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/image/image.h"
#include "nodes/text/conditioning.h"
#include "nodes/text/conditioning_math.h"
#include "tests/nodes/models/run_node.h"

namespace weft {

NodeType ClassConditioningNode();
NodeType JoinConditioningNode();
NodeType SizeConditioningNode();
NodeType TextOrNode();
NodeType ZeroEmptyPromptNode();

namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Value Wire(Tensor tokens, Tensor pooled = {}) {
  std::vector<Conditioning::Entry> entries(1);
  entries[0].tokens = std::move(tokens);
  entries[0].pooled = std::move(pooled);
  return Value(
      std::shared_ptr<const Object>(std::make_shared<const Conditioning>(std::move(entries))));
}

Conditioning::Entry EntryOf(const absl::StatusOr<Values>& outputs) {
  if (!outputs.ok()) {
    ADD_FAILURE() << outputs.status();
    return {};
  }
  return dynamic_cast<const Conditioning*>(outputs->at("conditioning").AsObject())->entries().at(0);
}

TEST(JoinWidths, PutsTheStatesOfATokenSideBySide) {
  const Tensor joined = JoinWidths(MadeOf({1, 2, 1}, {1, 2}), MadeOf({1, 2, 2}, {3, 4, 5, 6}),
                                   Allocator(Device::kCpu))
                            .value();
  EXPECT_EQ(joined.shape(), (Shape{1, 2, 3}));
  EXPECT_THAT(joined.span<float>(), ElementsAre(1, 3, 4, 2, 5, 6));
}

TEST(JoinConditioning, TakesThePooledTextOfTheSecond) {
  const auto entry = EntryOf(
      RunNode(JoinConditioningNode(),
              {{"conditioning", Wire(MadeOf({1, 1, 1}, {1}), MadeOf({1, 1}, {7}))},
               {"conditioning_2", Wire(MadeOf({1, 1, 2}, {3, 4}), MadeOf({1, 2}, {8, 9}))}}));
  EXPECT_THAT(entry.tokens.span<float>(), ElementsAre(1, 3, 4));
  EXPECT_THAT(entry.pooled.span<float>(), ElementsAre(8, 9));
}

TEST(JoinConditioning, NamesBothWhereTheyAreOfDifferentlyManyTexts) {
  const auto outputs =
      RunNode(JoinConditioningNode(), {{"conditioning", Wire(MadeOf({1, 1, 1}, {1}))},
                                       {"conditioning_2", Wire(MadeOf({2, 1, 1}, {1, 2}))}});
  EXPECT_EQ(PortOf(outputs.status()), "conditioning_2");
  EXPECT_THAT(outputs.status().message(),
              HasSubstr("[1, 1, 1] and [2, 1, 1] are not of equally many texts"));
}

TEST(JoinConditioning, TheShorterSaysItsLastChunkAgain) {
  const auto entry = EntryOf(RunNode(
      JoinConditioningNode(), {{"conditioning", Wire(MadeOf({1, 6, 1}, {1, 2, 3, 4, 5, 6}))},
                               {"conditioning_2", Wire(MadeOf({1, 4, 1}, {11, 12, 13, 14}))}}));
  EXPECT_THAT(entry.tokens.span<float>(), ElementsAre(1, 11, 2, 12, 3, 13, 4, 14, 5, 13, 6, 14));
}

struct Said {
  float token;
  double weight = 1.0;
  StepRange steps;
};

Value Texts(const std::vector<Said>& texts) {
  std::vector<Conditioning::Entry> entries;
  for (const Said& text : texts) {
    entries.push_back(
        {.tokens = MadeOf({1, 1, 1}, {text.token}), .weight = text.weight, .steps = text.steps});
  }
  return Value(
      std::shared_ptr<const Object>(std::make_shared<const Conditioning>(std::move(entries))));
}

std::vector<Conditioning::Entry> Joined(const Value& first, const Value& second) {
  const auto outputs =
      RunNode(JoinConditioningNode(), {{"conditioning", first}, {"conditioning_2", second}});
  if (!outputs.ok()) {
    ADD_FAILURE() << outputs.status();
    return {};
  }
  return dynamic_cast<const Conditioning*>(outputs->at("conditioning").AsObject())->entries();
}

TEST(JoinConditioning, TheLastOfFewerTextsStandsBesideTheRest) {
  const auto entries = Joined(Texts({{1, 0.5}, {2, 0.7}}), Texts({{3}}));
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_THAT(entries[0].tokens.span<float>(), ElementsAre(1, 3));
  EXPECT_THAT(entries[1].tokens.span<float>(), ElementsAre(2, 3));
  EXPECT_EQ(entries[1].weight, 0.7);
  const auto more = Joined(Texts({{1}}), Texts({{3, 0.5}, {4, 0.7}}));
  ASSERT_EQ(more.size(), 2u);
  EXPECT_THAT(more[1].tokens.span<float>(), ElementsAre(1, 4));
  EXPECT_EQ(more[1].weight, 0.7);
}

TEST(JoinConditioning, SchedulesMeetInTheStepsOfBoth) {
  const auto share = [](double first, double last) {
    return StepRange{.first_share = first, .last_share = last};
  };
  const auto entries = Joined(Texts({{1, 1.0, share(0, 0.5)}, {2, 1.0, share(0.5, 1)}}),
                              Texts({{3, 1.0, share(0, 0.2)}, {4, 1.0, share(0.2, 1)}}));
  ASSERT_EQ(entries.size(), 3u);  // 1 with 3, 1 with 4, 2 with 4
  for (int64_t step = 0; step < 10; ++step) {
    std::vector<float> told;
    for (const Conditioning::Entry& entry : entries) {
      if (!entry.steps.Holds(step, 10)) continue;
      told.insert(told.end(), entry.tokens.span<float>().begin(), entry.tokens.span<float>().end());
    }
    EXPECT_THAT(told, ElementsAre(step < 5 ? 1 : 2, step < 2 ? 3 : 4)) << "step " << step;
  }
}

TEST(JoinConditioning, HasInADryRunTheShapesOfTheRun) {
  const auto meta = [](Shape shape) {
    return Tensor::Allocate(Allocator(Device::kMeta), DType::kF32, std::move(shape)).value();
  };
  const auto entry = EntryOf(RunNode(
      JoinConditioningNode(),
      {{"conditioning", Wire(meta({2, 77, 768}))}, {"conditioning_2", Wire(meta({2, 77, 1280}))}},
      {.dry = true}));
  EXPECT_EQ(entry.tokens.shape(), (Shape{2, 77, 2048}));
  EXPECT_TRUE(entry.tokens.is_meta());
}

TEST(ZeroEmptyPrompt, GivesZerosForAnEmptyTextAlone) {
  const Value encoded = Wire(MadeOf({1, 1, 2}, {1, 2}), MadeOf({1, 1}, {3}));
  const auto empty = EntryOf(RunNode(ZeroEmptyPromptNode(), {{"conditioning", encoded}}));
  EXPECT_THAT(empty.tokens.span<float>(), Each(0));
  EXPECT_THAT(empty.pooled.span<float>(), Each(0));
  const auto told = EntryOf(RunNode(
      ZeroEmptyPromptNode(), {{"conditioning", encoded}, {"text", Value(std::string("a cat"))}}));
  EXPECT_THAT(told.tokens.span<float>(), ElementsAre(1, 2));
  const auto kept = EntryOf(
      RunNode(ZeroEmptyPromptNode(), {{"conditioning", encoded}, {"zero_if_empty", Value(false)}}));
  EXPECT_THAT(kept.tokens.span<float>(), ElementsAre(1, 2));
}

TEST(SizeConditioning, GivesTheOrderThatSdxlTakes) {
  const Value text = Wire(MadeOf({1, 1, 1}, {1}));
  const auto plain = EntryOf(RunNode(
      SizeConditioningNode(),
      {{"conditioning", text}, {"width", Value(int64_t{64})}, {"height", Value(int64_t{48})}}));
  EXPECT_THAT(plain.sizes, ElementsAre(48, 64, 0, 0, 48, 64));
  const auto all = EntryOf(RunNode(SizeConditioningNode(), {{"conditioning", text},
                                                            {"width", Value(int64_t{64})},
                                                            {"height", Value(int64_t{48})},
                                                            {"original_width", Value(int64_t{2})},
                                                            {"original_height", Value(int64_t{1})},
                                                            {"crop_top", Value(int64_t{3})},
                                                            {"crop_left", Value(int64_t{4})},
                                                            {"target_width", Value(int64_t{6})},
                                                            {"target_height", Value(int64_t{5})}}));
  EXPECT_THAT(all.sizes, ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(SizeConditioning, TakesTheSizeOfAPictureAndARefinersScore) {
  const auto entry =
      EntryOf(RunNode(SizeConditioningNode(), {{"conditioning", Wire(MadeOf({1, 1, 1}, {1}))},
                                               {"image", Value(MadeOf({1, 1, 2, 1}, {0, 0}))},
                                               {"aesthetic_score", Value(2.5)}}));
  EXPECT_THAT(entry.sizes, ElementsAre(1, 2, 0, 0, 2.5));
}

TEST(SizeConditioning, WantsASizeAndOnlyOneEnd) {
  const Value text = Wire(MadeOf({1, 1, 1}, {1}));
  EXPECT_THAT(RunNode(SizeConditioningNode(), {{"conditioning", text}}).status().message(),
              HasSubstr("is missing: give it, or an \"image\""));
  const auto both = RunNode(SizeConditioningNode(), {{"conditioning", text},
                                                     {"width", Value(int64_t{1})},
                                                     {"height", Value(int64_t{1})},
                                                     {"target_width", Value(int64_t{1})},
                                                     {"aesthetic_score", Value(6.0)}});
  EXPECT_EQ(PortOf(both.status()), "aesthetic_score");
}

TEST(ClassConditioning, GivesAllEntriesTheClass) {
  const auto entry =
      EntryOf(RunNode(ClassConditioningNode(), {{"conditioning", Wire(MadeOf({1, 1, 1}, {1}))},
                                                {"class_label", Value(int64_t{20})}}));
  EXPECT_EQ(entry.class_label, 20);
}

TEST(TextOr, GivesTheOtherForAnEmptyText) {
  const auto run = [](const char* text) {
    return *RunNode(TextOrNode(),
                    {{"text", Value(std::string(text))}, {"otherwise", Value(std::string("cat"))}})
                ->at("text")
                .AsText();
  };
  EXPECT_EQ(run(""), "cat");
  EXPECT_EQ(run("dog"), "dog");
}

}  // namespace
}  // namespace weft
