#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/image/interpolate.h"
#include "nodes/image/pixel_planes.h"
#include "tests/nodes/image/node_runner.h"

namespace weft {

NodeType DepthChannelsNode();
NodeType ImageToLatentNode();
NodeType LatentToImageNode();

namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

const Allocator kCpu(Device::kCpu);

Tensor Planes() {
  return *Tensor::Of<float>({1, 4, 5},
                            {0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 1, 3, 5, 7, 2, 2, 2, 8, 1, 0});
}

// What torch.nn.functional.interpolate gives, mode="bicubic", align_corners=False.
TEST(InterpolateBicubic, ShrinksAsPyTorchDoes) {
  const Tensor small = *InterpolateBicubic(Planes(), 2, 3, kCpu);
  EXPECT_EQ(small.shape(), (Shape{1, 2, 3}));
  EXPECT_THAT(small.span<float>(), Pointwise(FloatNear(1e-5f), {2.8020837f, 2.3125f, 2.2725685f,
                                                                1.2905108f, 6.6875f, 2.0329850f}));
}

TEST(InterpolateBicubic, GrowsAsPyTorchDoes) {
  const Tensor large = *InterpolateBicubic(Planes(), 6, 7, kCpu);
  const std::vector<float> first(large.data<float>(), large.data<float>() + 7);
  EXPECT_THAT(first, Pointwise(FloatNear(1e-5f), {-0.5264118f, 0.1236945f, 1.1262256f, 1.9131949f,
                                                  2.7001643f, 3.7026947f, 4.3528028f}));
  EXPECT_NEAR(large.data<float>()[38], 8.2604170f, 1e-5);
}

TEST(InterpolateBicubic, RefusesWhatIsNotPlanes) {
  EXPECT_THAT(InterpolateBicubic(*Tensor::Of<float>({2}, {1, 2}), 2, 2, kCpu).status().message(),
              HasSubstr("expected planes [n, height, width] f32, got [2] f32"));
}

TEST(StretchToRange, StretchesEachPlaneByItself) {
  const Tensor planes = *Tensor::Of<float>({3, 1, 3}, {0, 5, 10, -1, 1, 0, 7, 7, 7});
  EXPECT_THAT(StretchToRange(planes, kCpu)->span<float>(),
              ElementsAre(-1, 0, 1, -1, 1, 0, -1, -1, -1));
}

TEST(PlanesOfImage, TurnPicturesOverAndBack) {
  const Tensor image = *Tensor::Of<uint8_t>({1, 1, 2, 3}, {0, 255, 51, 255, 0, 102});
  const Tensor planes = *PlanesOfImage(image, kCpu);
  EXPECT_EQ(planes.shape(), (Shape{1, 3, 1, 2}));
  EXPECT_THAT(planes.span<float>(),
              Pointwise(FloatNear(1e-6f), {-1.0f, 1.0f, 1.0f, -1.0f, -0.6f, -0.2f}));
  EXPECT_THAT(ImageOfPlanes(planes, kCpu)->span<float>(),
              Pointwise(FloatNear(1e-6f), {0.0f, 1.0f, 0.2f, 1.0f, 0.0f, 0.4f}));
}

TEST(ImageOfPlanes, CutsOffWhatIsOutOfRange) {
  const Tensor planes = *Tensor::Of<float>({1, 1, 1, 2}, {-3, 1.5});
  EXPECT_THAT(ImageOfPlanes(planes, kCpu)->span<float>(), ElementsAre(0, 1));
}

TEST(LatentToImage, IsTheInverseOfImageToLatent) {
  const NodeRunner runner;
  const Tensor image = *Tensor::Of<uint8_t>({1, 1, 1, 3}, {0, 51, 255});
  const auto latent = runner.Run(ImageToLatentNode(), {{"image", Value(image)}});
  ASSERT_TRUE(latent.ok()) << latent.status();
  const auto back = runner.Run(LatentToImageNode(), {{"latent", latent->at("latent")}});
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_THAT(back->at("image").AsTensor()->span<float>(),
              Pointwise(FloatNear(1e-6f), {0.0f, 0.2f, 1.0f}));
  EXPECT_THAT(runner.ErrorOf(LatentToImageNode(), {{"latent", Value(image)}}),
              HasSubstr("expected [batch, channels, height, width] f32"));
}

TEST(DepthChannels, TakesTheMeanOfTheColoursAtTheLatentsSize) {
  const NodeRunner runner;
  const Tensor depth = *Tensor::Of<float>({1, 1, 2, 3}, {0, 1, 2, 9, 9, 9});
  const Tensor latent = *Tensor::Of<float>({1, 1, 1, 2}, {0, 0});
  const auto out =
      runner.Run(DepthChannelsNode(), {{"depth", Value(depth)}, {"latent", Value(latent)}});
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_EQ(out->at("channels").AsTensor()->shape(), (Shape{1, 1, 1, 2}));
  EXPECT_THAT(out->at("channels").AsTensor()->span<float>(), ElementsAre(-1, 1));
}

TEST(DepthChannels, NamesTheInputThatDoesNotFit) {
  const NodeRunner runner;
  const Tensor flat = *Tensor::Of<float>({2}, {0, 1});
  EXPECT_THAT(
      runner.ErrorOf(DepthChannelsNode(), {{"depth", Value(flat)}, {"latent", Value(flat)}}),
      HasSubstr("expects a picture, [b, h, w, 1, 3 or 4]"));
}

}  // namespace
}  // namespace weft
