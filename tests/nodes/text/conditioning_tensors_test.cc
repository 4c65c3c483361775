#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/text/conditioning.h"
#include "tests/nodes/models/run_node.h"

namespace weft {

NodeType MakeConditioningNode();
NodeType ConditioningTensorsNode();

namespace {

using ::testing::HasSubstr;

Tensor Filled(Shape shape, float value) {
  const std::vector<float> values(static_cast<size_t>(shape.numel()), value);
  return Tensor::Of<float>(shape, values).value();
}

TEST(MakeConditioning, HoldsTheTensorsThatItWasGiven) {
  const absl::StatusOr<Values> made =
      RunNode(MakeConditioningNode(),
              {{"tokens", Value(Filled({1, 7, 8}, 2))}, {"pooled", Value(Filled({1, 4}, 3))}});
  ASSERT_TRUE(made.ok()) << made.status();
  const absl::StatusOr<Values> out =
      RunNode(ConditioningTensorsNode(), {{"conditioning", made->at("conditioning")}});
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_EQ(out->at("tokens").AsTensor()->shape(), (Shape{1, 7, 8}));
  EXPECT_EQ(out->at("tokens").AsTensor()->data<float>()[55], 2);
  EXPECT_EQ(out->at("pooled").AsTensor()->data<float>()[3], 3);
}

TEST(MakeConditioning, TakesHalfPrecisionAndNeedsNoPooledText) {
  const Tensor half = Filled({1, 2, 8}, 2).To(DType::kBF16, Allocator(Device::kCpu)).value();
  const absl::StatusOr<Values> made = RunNode(MakeConditioningNode(), {{"tokens", Value(half)}});
  ASSERT_TRUE(made.ok()) << made.status();
  const absl::StatusOr<Values> out =
      RunNode(ConditioningTensorsNode(), {{"conditioning", made->at("conditioning")}});
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_EQ(out->at("tokens").AsTensor()->dtype(), DType::kF32);
  EXPECT_FALSE(out->contains("pooled"));
}

TEST(MakeConditioning, SaysWhichShapeItExpects) {
  const absl::StatusOr<Values> flat =
      RunNode(MakeConditioningNode(), {{"tokens", Value(Filled({7, 8}, 2))}});
  EXPECT_THAT(flat.status().message(), HasSubstr("expected [batch, tokens, width]"));
  const absl::StatusOr<Values> uneven =
      RunNode(MakeConditioningNode(),
              {{"tokens", Value(Filled({1, 7, 8}, 2))}, {"pooled", Value(Filled({2, 4}, 3))}});
  EXPECT_THAT(uneven.status().message(), HasSubstr("is of 2 texts, the tokens of 1"));
}

TEST(ConditioningTensors, RefusesSeveralEntries) {
  std::vector<Conditioning::Entry> entries(2);
  const absl::StatusOr<Values> out = RunNode(
      ConditioningTensorsNode(),
      {{"conditioning",
        Value(std::shared_ptr<const Object>(std::make_shared<Conditioning>(std::move(entries))))}});
  EXPECT_THAT(out.status().message(), HasSubstr("has 2 entries; expected one"));
}

}  // namespace
}  // namespace weft
