#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/image/codec.h"
#include "tests/nodes/image/node_runner.h"
#include "tests/nodes/image/patterns.h"

namespace weft {

NodeType CropImageNode();
NodeType ImageStripNode();
NodeType PadForOutpaintNode();
NodeType ResizeImageNode();

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ResizeImage, KeepsProportionsWhereOneSideIsGiven) {
  const NodeRunner runner;
  const auto out =
      runner.Run(ResizeImageNode(), {{"image", Value(PatternImage(9, 12, 3))}, {"width", Num(4)}});
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_EQ(out->at("image").AsTensor()->shape(), (Shape{1, 3, 4, 3}));
}

TEST(ResizeImage, RejectsMethodsItDoesNotKnow) {
  const NodeRunner runner;
  EXPECT_THAT(runner.ErrorOf(ResizeImageNode(),
                             {{"image", Value(PatternImage(2, 2, 3))}, {"method", Txt("lancsoz")}}),
              HasSubstr("did you mean \"lanczos\"?"));
  EXPECT_THAT(runner.ErrorOf(ResizeImageNode(), {{"image", Value(PatternImage(2, 2, 3))}}),
              HasSubstr("width and height are both 0"));
}

TEST(ResizeImage, RejectsWhatIsNoPicture) {
  const NodeRunner runner;
  const Tensor latent = *Tensor::Of<float>(Shape{1, 2, 1, 2}, {1, 2, 3, 4});
  EXPECT_THAT(
      runner.ErrorOf(ResizeImageNode(), {{"image", Value(latent)}, {"width", Num(4)}}),
      HasSubstr("expects a picture, [b, h, w, 1, 3 or 4] u8 or f32, but gets [1, 2, 1, 2]"));
}

TEST(CropImage, GoesToTheEdgeByDefault) {
  const NodeRunner runner;
  const auto out =
      runner.Run(CropImageNode(),
                 {{"image", Value(PatternImage(4, 5, 1))}, {"left", Num(3)}, {"top", Num(1)}});
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_EQ(out->at("image").AsTensor()->shape(), (Shape{1, 3, 2, 1}));
  EXPECT_EQ(out->at("image").AsTensor()->data<uint8_t>()[0],
            PatternImage(4, 5, 1).data<uint8_t>()[8]);
}

TEST(ImageStrip, TakesAListOfPictures) {
  const NodeRunner runner;
  const List images = {Value(PatternImage(2, 3, 3)), Value(PatternImage(2, 3, 3))};
  const auto out = runner.Run(ImageStripNode(), {{"images", Value(images)}});
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_EQ(out->at("image").AsTensor()->shape(), (Shape{1, 2, 10, 3}));
}

TEST(PadForOutpaint, SurroundsThePictureAndMasksTheMargins) {
  const NodeRunner runner;
  const Tensor one = *Tensor::Of<uint8_t>(Shape{1, 1, 1, 1}, {9});
  const NodeRunner::Values inputs = {{"image", Value(one)}, {"left", Num(1)}, {"bottom", Num(1)}};
  const auto out = runner.Run(PadForOutpaintNode(), inputs);
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_THAT(out->at("image").AsTensor()->span<uint8_t>(), ElementsAre(128, 9, 128, 128));
  EXPECT_THAT(out->at("mask").AsTensor()->span<float>(), ElementsAre(1, 0, 1, 1));
}

TEST(ImageNodes, InferTheShapesThatTheyRunTo) {
  const NodeRunner runner;
  const Tensor meta = *Tensor::Allocate(Allocator(Device::kMeta), DType::kU8, Shape{1, 6, 8, 3});
  for (const auto& [node, inputs] : std::vector<std::pair<NodeType, NodeRunner::Values>>{
           {ResizeImageNode(), {{"height", Num(3)}}},
           {CropImageNode(), {{"width", Num(2)}, {"top", Num(1)}}},
           {PadForOutpaintNode(), {{"left", Num(2)}, {"top", Num(1)}}},
       }) {
    NodeRunner::Values dry = inputs, real = inputs;
    dry["image"] = Value(meta);
    real["image"] = Value(PatternImage(6, 8, 3));
    const auto inferred = runner.Infer(node, dry);
    const auto run = runner.Run(node, real);
    ASSERT_TRUE(inferred.ok()) << inferred.status();
    ASSERT_TRUE(run.ok()) << run.status();
    for (const auto& [name, value] : *run) {
      const Tensor& guess = *inferred->at(name).AsTensor();
      EXPECT_TRUE(guess.is_meta());
      EXPECT_EQ(guess.shape(), value.AsTensor()->shape()) << node.contract.type << "." << name;
      EXPECT_EQ(guess.dtype(), value.AsTensor()->dtype());
    }
  }
}

}  // namespace
}  // namespace weft
