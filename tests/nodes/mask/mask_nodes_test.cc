#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/nodes/image/node_runner.h"
#include "tests/nodes/image/patterns.h"

namespace weft {

NodeType BlurMaskNode();
NodeType GrowMaskNode();
NodeType ImageToMaskNode();
NodeType InvertMaskNode();
NodeType MaskBlendNode();
NodeType MaskToImageNode();
NodeType MaskImageNode();
NodeType InpaintChannelsNode();
NodeType RectangleMaskNode();

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Tensor& Only(const absl::StatusOr<NodeRunner::Values>& out) {
  EXPECT_TRUE(out.ok()) << out.status();
  EXPECT_EQ(out->size(), 1u);
  return *out->begin()->second.AsTensor();
}

TEST(RectangleMask, PaintsWithinAndClipsToItsSize) {
  const NodeRunner runner;
  const auto out = runner.Run(RectangleMaskNode(), {{"width", Num(3)},
                                                    {"height", Num(2)},
                                                    {"left", Num(1)},
                                                    {"top", Num(1)},
                                                    {"right", Num(9)},
                                                    {"bottom", Num(9)}});
  EXPECT_THAT(Only(out).span<float>(), ElementsAre(0, 0, 0, 0, 1, 1));
}

TEST(MaskNodes, ChainIntoEachOther) {
  const NodeRunner runner;
  const Tensor image = *Tensor::Of<uint8_t>(Shape{1, 1, 3, 1}, {0, 0, 200});
  const auto mask = runner.Run(ImageToMaskNode(), {{"image", Value(image)}});
  EXPECT_THAT(Only(mask).span<float>(), ElementsAre(0, 0, 1));
  const auto grown = runner.Run(GrowMaskNode(), {{"mask", Value(Only(mask))}, {"pixels", Num(1)}});
  EXPECT_THAT(Only(grown).span<float>(), ElementsAre(0, 1, 1));
  const auto inverted = runner.Run(InvertMaskNode(), {{"mask", Value(Only(grown))}});
  EXPECT_THAT(Only(inverted).span<float>(), ElementsAre(1, 0, 0));
  const auto same =
      runner.Run(BlurMaskNode(), {{"mask", Value(Only(inverted))}, {"sigma", Value(0.0)}});
  EXPECT_THAT(Only(same).span<float>(), ElementsAre(1, 0, 0));
  const auto picture = runner.Run(MaskToImageNode(), {{"mask", Value(Only(same))}});
  EXPECT_THAT(Only(picture).span<uint8_t>(), ElementsAre(255, 0, 0));
}

TEST(ImageToMask, RejectsAChannelThatIsNotThere) {
  const NodeRunner runner;
  EXPECT_THAT(runner.ErrorOf(ImageToMaskNode(),
                             {{"image", Value(PatternImage(2, 2, 3))}, {"channel", Txt("alpha")}}),
              HasSubstr("there is no channel 3 in a picture of 3"));
}

TEST(MaskImage, IsGrayWhereItIsPainted) {
  const NodeRunner runner;
  const Tensor image = *Tensor::Of<uint8_t>(Shape{1, 1, 2, 2}, {255, 0, 51, 255});
  const Tensor mask = *Tensor::Of<float>(Shape{1, 1, 2, 1}, {0.5f, 0.25f});
  const auto out = runner.Run(MaskImageNode(), {{"image", Value(image)}, {"mask", Value(mask)}});
  EXPECT_THAT(Only(out).span<float>(), ElementsAre(0.5f, 0.5f, 51.0f / 255.0f, 1.0f));
}

TEST(MaskImage, RejectsAMaskOfAnotherBatch) {
  const NodeRunner runner;
  const Tensor masks = *Tensor::Of<float>(Shape{2, 1, 1, 1}, {0, 1});
  EXPECT_THAT(runner.ErrorOf(MaskImageNode(),
                             {{"image", Value(PatternImage(2, 2, 3))}, {"mask", Value(masks)}}),
              HasSubstr("is [2, 1, 1, 1], which does not go with a picture of [1, 2, 2, 3]"));
}

TEST(InpaintChannels, PutsTheMaskBeforeTheLatent) {
  const NodeRunner runner;
  const Tensor latent = *Tensor::Of<float>(Shape{2, 1, 1, 2}, {1, 2, 3, 4});
  const Tensor mask = *Tensor::Of<float>(Shape{1, 2, 4, 1}, {0, 0, 0.7f, 1, 0, 0, 1, 1});
  const auto out =
      runner.Run(InpaintChannelsNode(), {{"mask", Value(mask)}, {"latent", Value(latent)}});
  EXPECT_EQ(Only(out).shape(), (Shape{2, 2, 1, 2}));
  EXPECT_THAT(Only(out).span<float>(), ElementsAre(0, 1, 1, 2, 0, 1, 3, 4));
}

TEST(InpaintChannels, RejectsALatentThatIsNotFourDimensional) {
  const NodeRunner runner;
  const Tensor flat = *Tensor::Of<float>(Shape{2}, {1, 2});
  EXPECT_THAT(runner.ErrorOf(InpaintChannelsNode(),
                             {{"mask", Value(PatternMask(2, 2))}, {"latent", Value(flat)}}),
              HasSubstr("expected [b, c, h, w] f32, got [2] f32"));
}

TEST(MaskBlend, RejectsWhatIsNoTensor) {
  const NodeRunner runner;
  const List none;
  EXPECT_THAT(runner.ErrorOf(MaskBlendNode(), {{"background", Value(none)},
                                               {"foreground", Value(PatternImage(2, 2, 3))},
                                               {"mask", Value(PatternMask(2, 2))}}),
              HasSubstr("expects latents or pictures, but gets list"));
}

TEST(MaskBlend, InfersTheShapeOfItsInputs) {
  const NodeRunner runner;
  const Allocator meta(Device::kMeta);
  const Tensor latent = *Tensor::Allocate(meta, DType::kF32, Shape{1, 4, 8, 8});
  const Tensor mask = *Tensor::Allocate(meta, DType::kF32, Shape{1, 64, 64, 1});
  const auto out = runner.Infer(
      MaskBlendNode(),
      {{"background", Value(latent)}, {"foreground", Value(latent)}, {"mask", Value(mask)}});
  EXPECT_TRUE(Only(out).is_meta());
  EXPECT_EQ(Only(out).shape(), latent.shape());
}

}  // namespace
}  // namespace weft
