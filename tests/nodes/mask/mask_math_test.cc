#include "nodes/mask/mask_math.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/nodes/image/patterns.h"

namespace weft {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::FloatNear;
using ::testing::HasSubstr;

const Allocator& Cpu() {
  static const Allocator allocator(Device::kCpu);
  return allocator;
}
Tensor MaskOf(int64_t height, int64_t width, const std::vector<float>& values) {
  return Tensor::Of<float>(Shape{1, height, width, 1}, values).value();
}
Tensor FloatsOf(Shape shape, const std::vector<float>& values) {
  return Tensor::Of<float>(std::move(shape), values).value();
}

TEST(Masks, EqualTorchAndScipy) {
  const Tensor mask = PatternMask(12, 10);
  const nlohmann::json cases = ImageGoldens("masks");
  ASSERT_GE(cases.size(), 15u);
  for (const nlohmann::json& golden : cases) {
    const std::string operation = golden["operation"];
    const nlohmann::json& argument = golden["argument"];
    absl::StatusOr<Tensor> result;
    if (operation == "grow") {
      result = GrowMask(mask, argument.get<int64_t>(), Cpu());
    } else if (operation == "blur") {
      result = BlurMask(mask, argument.get<double>(), Cpu());
    } else {
      result = ResizeMask(mask, argument[0].get<int64_t>(), argument[1].get<int64_t>(),
                          MaskResizeFromName(operation), Cpu());
    }
    ASSERT_TRUE(result.ok()) << operation << ": " << result.status();
    const auto shape = golden["shape"].get<std::vector<int64_t>>();
    ASSERT_EQ(result->shape(), (Shape{1, shape[0], shape[1], 1})) << operation;
    const auto values = golden["values"].get<std::vector<float>>();
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_NEAR(result->data<float>()[i], values[i], 2e-6) << operation << argument << " " << i;
    }
  }
}

TEST(Masks, LeaveTheirInputAlone) {
  const Tensor mask = PatternMask(5, 5);
  const std::vector<float> before(mask.span<float>().begin(), mask.span<float>().end());
  ASSERT_TRUE(InvertMask(mask, Cpu()).ok());
  ASSERT_TRUE(GrowMask(mask, 2, Cpu()).ok());
  ASSERT_TRUE(BlurMask(mask, 2, Cpu()).ok());
  EXPECT_THAT(mask.span<float>(), ::testing::ElementsAreArray(before));
}

TEST(Masks, RejectWhatIsNoMask) {
  EXPECT_EQ(InvertMask(PatternImage(2, 2, 3), Cpu()).status().message(),
            "expects a mask, [b, h, w, 1] f32, but gets [1, 2, 2, 3] u8");
}

TEST(MaskFromImage, TakesLumaOrOneChannel) {
  const Tensor image = *Tensor::Of<uint8_t>(Shape{1, 1, 2, 3}, {255, 0, 0, 0, 255, 0});
  EXPECT_THAT(MaskFromImage(image, -1, -1, Cpu())->span<float>(),
              ElementsAre(FloatNear(0.299f, 1e-6f), FloatNear(0.587f, 1e-6f)));
  EXPECT_THAT(MaskFromImage(image, -1, 0.5, Cpu())->span<float>(), ElementsAre(0, 1));
  EXPECT_THAT(MaskFromImage(image, 0, 0.5, Cpu())->span<float>(), ElementsAre(1, 0));
  EXPECT_EQ(MaskFromImage(image, 3, 0.5, Cpu()).status().message(),
            "there is no channel 3 in a picture of 3");
}

TEST(BlendByMask, TakesEitherSideExactlyAndMixesBetween) {
  const Tensor back = FloatsOf(Shape{1, 1, 1, 3}, {1.0f, std::nanf(""), 2.0f});
  const Tensor fore = FloatsOf(Shape{1, 1, 1, 3}, {std::nanf(""), 5.0f, 4.0f});
  const auto blended = BlendByMask(back, fore, MaskOf(1, 3, {0, 1, 0.25f}), Layout::kLatent,
                                   MaskResize::kNearest, Cpu());
  ASSERT_TRUE(blended.ok()) << blended.status();
  EXPECT_THAT(blended->span<float>(), ElementsAre(1.0f, 5.0f, FloatEq(2.5f)));
}

TEST(BlendByMask, ResizesTheMaskToLatents) {
  const Tensor back = FloatsOf(Shape{1, 2, 1, 2}, {0, 0, 0, 0});
  const Tensor fore = FloatsOf(Shape{1, 2, 1, 2}, {1, 2, 3, 4});
  const Tensor mask = MaskOf(2, 4, {0, 0, 1, 1, 0, 0, 1, 1});
  const auto blended = BlendByMask(back, fore, mask, Layout::kAuto, MaskResize::kNearest, Cpu());
  ASSERT_TRUE(blended.ok()) << blended.status();
  EXPECT_THAT(blended->span<float>(), ElementsAre(0, 2, 0, 4));
}

TEST(BlendByMask, BlendsPicturesOfBytes) {
  const Tensor back = *Tensor::Of<uint8_t>(Shape{1, 1, 2, 3}, {0, 0, 0, 10, 20, 30});
  const Tensor fore = *Tensor::Of<uint8_t>(Shape{1, 1, 2, 3}, {255, 101, 3, 9, 9, 9});
  const auto blended =
      BlendByMask(back, fore, MaskOf(1, 2, {0.5f, 0}), Layout::kAuto, MaskResize::kNearest, Cpu());
  ASSERT_TRUE(blended.ok()) << blended.status();
  EXPECT_THAT(blended->span<uint8_t>(), ElementsAre(128, 50, 2, 10, 20, 30));
}

TEST(BlendByMask, TurnsBytesIntoFloatsWhereTheOtherHasThem) {
  const Tensor back = *Tensor::Of<uint8_t>(Shape{1, 1, 1, 3}, {255, 0, 51});
  const Tensor fore = FloatsOf(Shape{1, 1, 1, 3}, {0.5f, 0.5f, 0.5f});
  const auto blended =
      BlendByMask(back, fore, MaskOf(1, 1, {0}), Layout::kImage, MaskResize::kNearest, Cpu());
  ASSERT_TRUE(blended.ok()) << blended.status();
  EXPECT_THAT(blended->span<float>(), ElementsAre(1.0f, 0.0f, FloatEq(0.2f)));
}

TEST(BlendByMask, SharesOneMaskAndOneBackgroundAmongABatch) {
  const Tensor back = FloatsOf(Shape{1, 1, 1, 2}, {0, 0});
  const Tensor fore = FloatsOf(Shape{3, 1, 1, 2}, {1, 1, 2, 2, 3, 3});
  const auto blended =
      BlendByMask(back, fore, MaskOf(1, 2, {1, 0}), Layout::kLatent, MaskResize::kNearest, Cpu());
  ASSERT_TRUE(blended.ok()) << blended.status();
  EXPECT_THAT(blended->span<float>(), ElementsAre(1, 0, 2, 0, 3, 0));
}

TEST(BlendByMask, RejectsWhatDoesNotGoTogether) {
  const Tensor small = FloatsOf(Shape{1, 1, 1, 2}, {0, 0});
  const Tensor large = FloatsOf(Shape{1, 1, 2, 2}, {0, 0, 0, 0});
  const Tensor pair = FloatsOf(Shape{2, 1, 1, 2}, {0, 0, 0, 0});
  const Tensor mask = MaskOf(1, 2, {1, 0});
  const auto error = [&](const Tensor& a, const Tensor& b, const Tensor& m) {
    return std::string(
        BlendByMask(a, b, m, Layout::kLatent, MaskResize::kNearest, Cpu()).status().message());
  };
  EXPECT_EQ(error(small, large, mask),
            "background and foreground must be alike, but are [1, 1, 1, 2] f32 and [1, 1, 2, 2] "
            "f32");
  EXPECT_THAT(error(small, small, small), HasSubstr("expects a mask"));
  const Tensor three = FloatsOf(Shape{3, 1, 2, 1}, {0, 0, 0, 0, 0, 0});
  EXPECT_EQ(error(pair, pair, three), "the background is a batch of 2, which does not go with 3");
}

TEST(GuessLayout, GoesByTypeChannelsAndProportions) {
  const auto floats = [](Shape shape) {
    return Tensor::Allocate(Allocator(Device::kCpu), DType::kF32, std::move(shape)).value();
  };
  const Tensor square = PatternMask(8, 8), wide = PatternMask(8, 16);
  EXPECT_EQ(GuessLayout(PatternImage(4, 4, 3), square), Layout::kImage);
  EXPECT_EQ(GuessLayout(floats({1, 4, 16, 16}), square), Layout::kLatent);
  EXPECT_EQ(GuessLayout(floats({1, 64, 64, 3}), square), Layout::kImage);
  EXPECT_EQ(GuessLayout(floats({1, 64, 128, 3}), wide), Layout::kImage);
  EXPECT_EQ(GuessLayout(floats({1, 4, 4, 4}), square), Layout::kLatent);
  EXPECT_EQ(GuessLayout(floats({1, 16, 2, 4}), wide), Layout::kLatent);
  EXPECT_EQ(GuessLayout(floats({1, 10, 7, 3}), wide), Layout::kImage);
}

TEST(Masks, TellShapesWithoutMemory) {
  const Allocator meta(Device::kMeta);
  const Tensor mask = *Tensor::Allocate(meta, DType::kF32, Shape{1, 8, 8, 1});
  const Tensor latent = *Tensor::Allocate(meta, DType::kF32, Shape{2, 4, 2, 2});
  EXPECT_EQ(GrowMask(mask, 2, meta)->shape(), mask.shape());
  EXPECT_EQ(ResizeMask(mask, 3, 2, MaskResize::kArea, meta)->shape(), (Shape{1, 3, 2, 1}));
  const auto blended = BlendByMask(latent, latent, mask, Layout::kAuto, MaskResize::kNearest, meta);
  EXPECT_TRUE(blended->is_meta());
  EXPECT_EQ(blended->shape(), latent.shape());
}

}  // namespace
}  // namespace weft
