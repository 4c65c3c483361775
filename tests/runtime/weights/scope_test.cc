#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "runtime/weights/weight_store.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

Tensor Zeros(Shape shape) {
  const std::vector<float> zeros(static_cast<size_t>(shape.numel()), 0.0f);
  return *Tensor::Of<float>(shape, zeros);
}

Scope SmallModel() {
  return Scope(WeightStore::Of(
      "unet.safetensors",
      {{"conv_in.weight", Zeros({4, 3, 3, 3})},
       {"conv_in.bias", Zeros({4})},
       {"down_blocks.0.resnets.1.conv_shortcut.weight", Zeros({8, 4, 1, 1})},
       {"down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.weight", Zeros({4, 4})},
       {"position_ids", *Tensor::Of<int64_t>(Shape{1}, {0})}}));
}

TEST(Scope, BindsTensorsBelowItsPrefix) {
  const Scope root = SmallModel();
  const Scope resnet = root.Sub("down_blocks", 0).Sub("resnets", 1);
  EXPECT_EQ(resnet.prefix(), "down_blocks.0.resnets.1");
  EXPECT_TRUE(resnet.Has("conv_shortcut.weight"));
  EXPECT_FALSE(resnet.Has("conv1.weight"));
  const Weight weight = resnet.Sub("conv_shortcut").Get("weight", {8, 4, 1, 1});
  EXPECT_EQ(weight.name(), "down_blocks.0.resnets.1.conv_shortcut.weight");
  EXPECT_EQ(weight.Read()->shape(), (Shape{8, 4, 1, 1}));
  EXPECT_EQ(root.ShapeOf("conv_in.weight"), (Shape{4, 3, 3, 3}));
  EXPECT_TRUE(root.status().ok()) << root.status();
}

TEST(Scope, NamesAMissingTensorAndTheNearestOne) {
  const Scope root = SmallModel();
  EXPECT_TRUE(
      root.Sub("down_blocks", 0).Sub("resnets", 1).Get("conv_shortcud.weight", {8}).empty());
  EXPECT_EQ(root.status().message(),
            "\"unet.safetensors\": tensor \"down_blocks.0.resnets.1.conv_shortcud.weight\" is "
            "missing (did you mean \"down_blocks.0.resnets.1.conv_shortcut.weight\"?)");
}

TEST(Scope, FindsTheNearestOfVeryLongNames) {
  const Scope root = SmallModel();
  root.Get("down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.weight", {4, 4});
  EXPECT_THAT(std::string(root.status().message()),
              HasSubstr("did you mean "
                        "\"down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.weight"));
}

TEST(Scope, NamesAMisShapedTensorWithBothShapes) {
  const Scope root = SmallModel();
  EXPECT_TRUE(root.Get("conv_in.weight", {320, 4, 3, 3}).empty());
  EXPECT_THAT(std::string(root.status().message()),
              EndsWith("tensor \"conv_in.weight\" has shape [4, 3, 3, 3], expected "
                       "[320, 4, 3, 3]"));
}

TEST(Scope, RejectsAWeightOfWholeNumbers) {
  const Scope root = SmallModel();
  EXPECT_TRUE(root.Get("position_ids", {1}).empty());
  EXPECT_THAT(std::string(root.status().message()),
              EndsWith("tensor \"position_ids\" is of type i64, expected f32, f16 or bf16"));
}

TEST(Scope, CollectsMistakesFromAllScopesIntoOneError) {
  const Scope root = SmallModel();
  for (int i = 0; i < 20; ++i) root.Sub("up_blocks", i).Get("conv.weight", {1});
  root.Sub("conv_in").Get("bias", {5});
  const std::string message(root.Sub("anything").status().message());
  EXPECT_THAT(message, HasSubstr("\"up_blocks.0.conv.weight\" is missing"));
  EXPECT_THAT(message, HasSubstr("\"conv_in.bias\" has shape [4], expected [5]"));
  EXPECT_THAT(message, EndsWith("; and 12 more"));
}

TEST(Scope, TellsWhatALayerFoundWrong) {
  const Scope root = SmallModel();
  root.Sub("mid_block").Fail("320 channels do not divide into 7 groups");
  EXPECT_EQ(root.status().message(),
            "\"unet.safetensors\": mid_block: 320 channels do not divide into 7 groups");
}

TEST(Scope, ListsWhatNobodyAskedFor) {
  const Scope root = SmallModel();
  root.Get("conv_in.weight", {4, 3, 3, 3});
  root.Ignore("position_ids");
  EXPECT_THAT(root.Unused(),
              ElementsAre("conv_in.bias",
                          "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.weight",
                          "down_blocks.0.resnets.1.conv_shortcut.weight"));
  EXPECT_THAT(root.Sub("conv_in").Unused(), ElementsAre("conv_in.bias"));
}

}  // namespace
}  // namespace weft
