#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/text/conditioning.h"
#include "tests/nodes/models/run_node.h"

namespace weft {

NodeType AverageConditioningsNode();
NodeType CombineConditioningsNode();
NodeType ConditioningAreaNode();
NodeType ConditioningRangeNode();
NodeType ConditioningWeightNode();

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Value Of(std::vector<Conditioning::Entry> entries) {
  return Value(
      std::shared_ptr<const Object>(std::make_shared<const Conditioning>(std::move(entries))));
}
Value Told(const std::vector<float>& tokens, int64_t count, double weight = 1.0) {
  std::vector<Conditioning::Entry> entries(1);
  entries[0].tokens = MadeOf({1, count, static_cast<int64_t>(tokens.size()) / count}, tokens);
  entries[0].weight = weight;
  return Of(std::move(entries));
}

absl::StatusOr<std::vector<Conditioning::Entry>> EntriesOf(const NodeType& node,
                                                           const Values& inputs) {
  const absl::StatusOr<Values> outputs = RunNode(node, inputs);
  if (!outputs.ok()) return outputs.status();
  return dynamic_cast<const Conditioning*>(outputs->at("conditioning").AsObject())->entries();
}

TEST(CombineConditionings, HoldsTheEntriesOfAll) {
  const auto entries = EntriesOf(
      CombineConditioningsNode(),
      {{"conditionings", Value(List{Told({1, 2}, 1, 0.5), Told({3, 4}, 1), Told({5, 6}, 1)})}});
  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ((*entries)[0].weight, 0.5);
  EXPECT_EQ((*entries)[2].tokens.data<float>()[0], 5);
}

TEST(ConditioningWeight, MultipliesTheWeightsThatAreThere) {
  const auto entries = EntriesOf(ConditioningWeightNode(),
                                 {{"conditioning", Told({1}, 1, 0.5)}, {"weight", Value(-3.0)}});
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_EQ((*entries)[0].weight, -1.5);
}

TEST(ConditioningRange, NarrowsTheStepsThatAreThere) {
  std::vector<Conditioning::Entry> two(2);
  two[0].steps.last_share = 0.3;
  two[1].steps.first_step = 4;
  const auto entries =
      EntriesOf(ConditioningRangeNode(),
                {{"conditioning", Of(two)}, {"first", Value(0.5)}, {"last", Value(0.75)}});
  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_EQ(entries->size(), 1u);  // the other one is over by then
  EXPECT_EQ((*entries)[0].steps.first_share, 0.5);
  EXPECT_EQ((*entries)[0].steps.last_share, 0.75);
  EXPECT_EQ((*entries)[0].steps.first_step, 4);
}

TEST(ConditioningRange, RefusesARangeWithoutSteps) {
  const auto turned =
      EntriesOf(ConditioningRangeNode(),
                {{"conditioning", Told({1}, 1)}, {"first", Value(0.5)}, {"last", Value(0.5)}});
  EXPECT_EQ(PortOf(turned.status()), "last");
  std::vector<Conditioning::Entry> early(1);
  early[0].steps.last_share = 0.3;
  const auto none =
      EntriesOf(ConditioningRangeNode(),
                {{"conditioning", Of(early)}, {"first", Value(0.5)}, {"last", Value(1.0)}});
  EXPECT_EQ(PortOf(none.status()), "conditioning");
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("holds in none of the steps"));
}

TEST(ConditioningArea, KeepsTheMaskAndRefusesASecondOne) {
  const Value mask(MadeOf({1, 1, 2, 1}, {0, 1}));
  const auto entries =
      EntriesOf(ConditioningAreaNode(), {{"conditioning", Told({1}, 1)}, {"mask", mask}});
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_EQ((*entries)[0].area.data<float>()[1], 1);
  const auto again =
      EntriesOf(ConditioningAreaNode(), {{"conditioning", Of(*entries)}, {"mask", mask}});
  EXPECT_THAT(std::string(again.status().message()), HasSubstr("has an area already"));
}

TEST(ConditioningArea, RefusesAMaskThatIsNone) {
  const auto entries =
      EntriesOf(ConditioningAreaNode(),
                {{"conditioning", Told({1}, 1)}, {"mask", Value(MadeOf({2, 1, 1, 1}, {0, 1}))}});
  EXPECT_EQ(PortOf(entries.status()), "mask");
  EXPECT_THAT(std::string(entries.status().message()), HasSubstr("[2, 1, 1, 1] f32"));
}

TEST(AverageConditionings, LiesBetweenTheTwoAndPadsTheShorter) {
  const auto entries = EntriesOf(
      AverageConditioningsNode(),
      {{"first", Told({1, 2}, 1)}, {"second", Told({5, 6, 7, 8}, 2)}, {"share", Value(0.25)}});
  ASSERT_TRUE(entries.ok()) << entries.status();
  const Tensor tokens = (*entries)[0].tokens;
  EXPECT_EQ(tokens.shape(), (Shape{1, 2, 2}));
  EXPECT_THAT(std::vector<float>(tokens.span<float>().begin(), tokens.span<float>().end()),
              ElementsAre(2, 3, 1.75, 2));
}

TEST(AverageConditionings, RefusesTextsOfDifferentEncoders) {
  const auto entries = EntriesOf(AverageConditioningsNode(),
                                 {{"first", Told({1, 2}, 1)}, {"second", Told({1, 2, 3}, 1)}});
  EXPECT_EQ(PortOf(entries.status()), "second");
  EXPECT_THAT(std::string(entries.status().message()),
              HasSubstr("is [1, 1, 3], the first [1, 1, 2]"));
}

}  // namespace
}  // namespace weft
