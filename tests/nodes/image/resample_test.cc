#include "nodes/image/resample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "nodes/image/pixels.h"
#include "tests/nodes/image/patterns.h"

namespace weft {
namespace {

TEST(Resample, EqualsPillowToTheBit) {
  const nlohmann::json cases = ImageGoldens("resample");
  ASSERT_GE(cases.size(), 25u);
  for (const nlohmann::json& golden : cases) {
    if (golden.contains("float")) continue;
    const std::string method = golden["method"];
    const auto resized = Resample(PatternImage(9, 13, 3), golden["height"], golden["width"],
                                  FilterFromName(method), Allocator(Device::kCpu));
    ASSERT_TRUE(resized.ok()) << resized.status();
    const auto values = golden["values"].get<std::vector<uint8_t>>();
    EXPECT_THAT(resized->span<uint8_t>(), ::testing::ElementsAreArray(values))
        << method << " " << golden["height"] << " × " << golden["width"];
  }
}

TEST(Resample, EqualsPillowInFloats) {
  int compared = 0;
  for (const nlohmann::json& golden : ImageGoldens("resample")) {
    if (!golden.contains("float")) continue;
    const Tensor grey = *ToUnitF32(PatternImage(9, 13, 1), Allocator(Device::kCpu));
    const auto resized = Resample(grey, 4, 5, FilterFromName(golden["method"].get<std::string>()),
                                  Allocator(Device::kCpu));
    ASSERT_TRUE(resized.ok()) << resized.status();
    for (size_t i = 0; i < 20; ++i, ++compared) {
      EXPECT_NEAR(resized->data<float>()[i], golden["values"][i].get<float>(), 1e-6);
    }
  }
  EXPECT_EQ(compared, 40);
}

TEST(Resample, LeavesAPictureOfTheSameSizeAlone) {
  const Tensor picture = PatternImage(4, 5, 3);
  EXPECT_EQ(Resample(picture, 4, 5, Filter::kLanczos, Allocator(Device::kCpu))->raw(),
            picture.raw());
}

TEST(Resample, TellsShapesWithoutMemory) {
  const Tensor meta = *Tensor::Allocate(Allocator(Device::kMeta), DType::kF32, Shape{2, 8, 8, 3});
  const auto resized = Resample(meta, 3, 4, Filter::kBox, Allocator(Device::kMeta));
  EXPECT_TRUE(resized->is_meta());
  EXPECT_EQ(resized->shape(), (Shape{2, 3, 4, 3}));
}

TEST(Resample, RejectsASizeOfZero) {
  EXPECT_EQ(Resample(PatternImage(4, 5, 3), 0, 5, Filter::kBox, Allocator(Device::kCpu))
                .status()
                .message(),
            "cannot resize [1, 4, 5, 3] to 5 × 0");
}

}  // namespace
}  // namespace weft
