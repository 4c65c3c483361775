// What operations refuse, and what they say.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/runtime/ops/ops_fixture.h"

namespace weft {
namespace {

using reference::Random;
using testing::HasSubstr;

TEST_F(OpsTest, SaysWhichConvolutionWantsHowManyChannels) {
  const ConvWeights conv = Conv("down_blocks.0.resnets.0.conv1", 640, 4, 1);
  EXPECT_EQ(Error(ops_.Conv2d(conv, {Input(Shape{1, 2, 2, 320})})),
            "conv2d down_blocks.0.resnets.0.conv1: input has 320 channels, the weight expects 640");
}

TEST_F(OpsTest, SaysThatConvolutionSourcesDoNotFitTogether) {
  const ConvWeights conv = Conv("skip", 8, 4);
  EXPECT_THAT(Error(ops_.Conv2d(conv, {Input(Shape{1, 4, 4, 4}), Input(Shape{1, 4, 5, 4})})),
              HasSubstr("conv2d skip: inputs [1, 4, 4, 4] and [1, 4, 5, 4] differ"));
}

TEST_F(OpsTest, SaysThatAPictureIsTooSmallForItsKernel) {
  ConvWeights conv = Conv("conv", 4, 4);
  conv.spec.pad_begin = conv.spec.pad_end = 0;
  EXPECT_THAT(Error(ops_.Conv2d(conv, {Input(Shape{1, 2, 2, 4})})),
              HasSubstr("conv2d conv: a picture of 2×2 is too small for a kernel of 3"));
}

TEST_F(OpsTest, RefusesAnEmptyPicture) {
  const ConvWeights conv = Conv("conv", 4, 4);
  EXPECT_THAT(Error(ops_.Conv2d(conv, {Input(Shape{0, 2, 2, 4})})),
              HasSubstr("[0, 2, 2, 4], which holds no values"));
}

TEST_F(OpsTest, SaysThatAResidualHasAnotherShape) {
  const ConvWeights conv = Conv("conv", 4, 4);
  Epilogue epilogue;
  epilogue.residual = Input(Shape{1, 3, 3, 4});
  EXPECT_EQ(Error(ops_.Conv2d(conv, {Input(Shape{1, 4, 4, 4})}, epilogue)),
            "conv2d conv: residual has shape [1, 3, 3, 4], the result has [1, 4, 4, 4]");
}

TEST_F(OpsTest, SaysThatAnAdditionPerChannelHasAnotherShape) {
  const LinearWeights linear = Linear("proj", 8, 16);
  Epilogue epilogue;
  epilogue.per_channel = Input(Shape{2, 8});
  EXPECT_EQ(Error(ops_.Linear(linear, Input(Shape{2, 4, 8}), epilogue)),
            "linear proj: per_channel has shape [2, 8], expected [2, 16]");
}

TEST_F(OpsTest, SaysThatAnInputHasAnotherTypeThanTheRun) {
  const LinearWeights linear = Linear("proj", 8, 16);
  EXPECT_EQ(Error(ops_.Linear(linear, Random(Shape{2, 8}, DType::kBF16, 1))),
            "linear proj: input is bf16, the run computes in f32");
}

TEST_F(OpsTest, SaysHowManyColumnsALinearLayerExpects) {
  const LinearWeights linear = Linear("mid_block.attentions.0.proj_in", 8, 16);
  EXPECT_EQ(Error(ops_.Linear(linear, Input(Shape{2, 7}))),
            "linear mid_block.attentions.0.proj_in: input has shape [2, 7], the weight expects 8 "
            "columns");
}

TEST_F(OpsTest, SaysThatStackedMatricesHaveTooFewRows) {
  LinearWeights linear = Linear("proj", 8, 16);
  linear.out = 24;
  EXPECT_EQ(Error(ops_.Linear(linear, Input(Shape{2, 8}))),
            "linear proj: the weights have 16 rows, expected 24");
}

TEST_F(OpsTest, SaysThatChannelsCannotBeDividedIntoGroups) {
  const NormWeights norm = Norm("conv_norm_out", 24);
  EXPECT_EQ(Error(ops_.GroupNorm(norm, {Input(Shape{1, 2, 2, 24})}, 32)),
            "group_norm conv_norm_out: 24 channels cannot be divided into 32 groups");
}

TEST_F(OpsTest, SaysHowWideALayerNormIs) {
  const NormWeights norm = Norm("norm1", 24);
  EXPECT_EQ(Error(ops_.LayerNorm(norm, Input(Shape{1, 2, 20}))),
            "layer_norm norm1: input has shape [1, 2, 20], the weight expects 24 columns");
}

TEST_F(OpsTest, SaysWhyAttentionIsImpossible) {
  const Tensor x = Input(Shape{1, 4, 24});
  const AttentionSpec spec{3, 1.0f, false};
  EXPECT_EQ(Error(ops_.Attention({x, 0, 8}, {x, 0, 8}, {x, 0, 8}, spec)),
            "attention: 8 columns of q cannot be divided into 3 heads");
  EXPECT_THAT(Error(ops_.Attention({x, 18, 9}, {x, 0, 9}, {x, 0, 9}, spec)),
              HasSubstr("attention: q is [1, 4, 24] columns 18 to 27, which reaches outside"));
  EXPECT_EQ(Error(ops_.Attention({x, 0, 9}, {x, 0, 12}, {x, 0, 12}, spec)),
            "attention: q has 9 columns, k has 12");
  EXPECT_EQ(Error(ops_.Attention({x, 0, 9}, {x, 0, 9}, {Input(Shape{1, 5, 9}), 0, 9}, spec)),
            "attention: k has 4 rows, v has 5");
  EXPECT_EQ(Error(ops_.Attention({x, 0, 9}, {x, 0, 9}, {x, 0, 9}, {3, -1.0f, false})),
            "attention: the scale must be positive, got -1");
}

TEST_F(OpsTest, KeepsTheFirstErrorAndComputesNothingAfterIt) {
  const ConvWeights conv = Conv("first", 4, 4);
  const LinearWeights linear = Linear("second", 8, 8);
  Tensor x = ops_.Conv2d(conv, {Input(Shape{1, 2, 2, 5})});
  EXPECT_TRUE(x.empty());
  x = ops_.Linear(linear, x);
  x = ops_.Add(x, x);
  EXPECT_THAT(Error(x), HasSubstr("conv2d first"));
  EXPECT_EQ(file_->reads, 0);
  EXPECT_TRUE(ops_.status().ok()) << "Finish clears the error";
  EXPECT_TRUE(ops_.Finish(ops_.Linear(linear, Input(Shape{2, 8}))).ok());
}

TEST_F(OpsTest, StopsAtTheNextOperationOnceCancelled) {
  std::atomic<bool> cancelled{false};
  Ops ops(*backend_, allocator_, DType::kF32, &cancelled);
  const LinearWeights linear = Linear("proj", 8, 8);
  const Tensor x = ops.Linear(linear, Input(Shape{2, 8}));
  EXPECT_FALSE(x.empty());
  cancelled = true;
  EXPECT_TRUE(ops.Linear(linear, x).empty());
  EXPECT_EQ(ops.Finish(x).status().code(), absl::StatusCode::kCancelled);
}

TEST_F(OpsTest, PassesOnTheErrorOfAWeightThatCannotBeRead) {
  const ConvWeights conv = Conv("conv_in", 4, 4);
  file_->broken = true;
  EXPECT_THAT(Error(ops_.Conv2d(conv, {Input(Shape{1, 4, 4, 4})})),
              testing::AllOf(HasSubstr("conv2d conv_in"), HasSubstr("the disk is gone")));
  file_->broken = false;
  EXPECT_TRUE(ops_.Finish(ops_.Conv2d(conv, {Input(Shape{1, 4, 4, 4})})).ok())
      << "a failed read must not be remembered";
}

TEST_F(OpsTest, SaysWhichValueOfWhichWeightIsNotFinite) {
  const auto with_nan = [&](Weight& weight) {
    file_->tensors[weight.index()].mutable_data<float>()[17] = std::nanf("");
  };
  for (const auto& keep : {std::shared_ptr<KeepBudget>(), std::make_shared<KeepBudget>(0)}) {
    Ops ops(*backend_, allocator_, DType::kF32, nullptr, keep);
    ConvWeights conv = Conv("down.0.conv1", 8, 16);
    with_nan(conv.weight);
    EXPECT_THAT(std::string(ops.Finish(ops.Conv2d(conv, {Input({1, 4, 4, 8})})).status().message()),
                HasSubstr("conv2d down.0.conv1: \"memory.safetensors\": tensor "
                          "\"down.0.conv1.weight\": holds NaN at element 17 of 1152"));
    LinearWeights linear = Linear("proj", 8, 16);
    with_nan(linear.weights[0]);
    EXPECT_THAT(std::string(ops.Finish(ops.Linear(linear, Input({1, 4, 8}))).status().message()),
                HasSubstr("tensor \"proj.weight\": holds NaN at element 17 of 128"));
  }
}

TEST_F(OpsTest, SaysThatAnIdIsOutsideOfTheTable) {
  const Weight table = Add("token_embedding.weight", Random(Shape{10, 6}, DType::kF32, 1));
  for (const int32_t id : {-1, 10}) {
    const std::vector<int32_t> ids = {id};
    EXPECT_EQ(Error(ops_.Embed({table}, Weight(), *Tensor::Of<int32_t>(Shape{1, 1}, ids))),
              absl::StrCat("embed token_embedding.weight: id ", id,
                           " is outside of the table's 10 rows"));
  }
}

TEST_F(OpsTest, DryRunHasTheSameErrors) {
  const Allocator dry(Device::kMeta);
  Ops ops(*meta_, dry, DType::kF32);
  const LinearWeights linear = Linear("proj", 8, 16);
  ops.Linear(linear, ops.OnDevice(Input(Shape{2, 7})));
  EXPECT_EQ(ops.status().message(),
            "linear proj: input has shape [2, 7], the weight expects 8 columns");
}

}  // namespace
}  // namespace weft
