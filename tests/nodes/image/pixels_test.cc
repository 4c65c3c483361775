#include "nodes/image/pixels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/nodes/image/patterns.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Allocator& Cpu() {
  static const Allocator allocator(Device::kCpu);
  return allocator;
}

TEST(ToU8, RoundsHalfToEvenAndClamps) {
  const Tensor floats =
      *Tensor::Of<float>(Shape{1, 1, 6, 1}, {-1.0f, 0.0f, 0.5f / 255, 1.5f / 255, 1.0f, 7.0f});
  EXPECT_THAT(ToU8(floats, Cpu())->span<uint8_t>(), ElementsAre(0, 0, 0, 2, 255, 255));
}

TEST(ToU8, RejectsNan) {
  const Tensor floats = *Tensor::Of<float>(Shape{1, 1, 2, 1}, {0.0f, std::nanf("")});
  EXPECT_EQ(ToU8(floats, Cpu()).status().message(), "the picture holds NaN at element 1");
}

TEST(ToUnitF32, ReturnsToTheSameBytes) {
  const Tensor bytes = PatternImage(16, 16, 1);
  EXPECT_EQ(ToU8(*ToUnitF32(bytes, Cpu()), Cpu())->span<uint8_t>(), bytes.span<uint8_t>());
}

TEST(Crop, TakesAWindowOfEachPicture) {
  const Tensor image = *Tensor::Of<uint8_t>(Shape{2, 2, 2, 1}, {1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_THAT(Crop(image, 0, 1, 2, 1, Cpu())->span<uint8_t>(), ElementsAre(2, 4, 6, 8));
}

TEST(Crop, RejectsAWindowThatReachesOut) {
  EXPECT_EQ(Crop(PatternImage(4, 5, 3), 2, 0, 3, 5, Cpu()).status().message(),
            "a window of 5 × 3 at 0, 2 does not lie within a picture of 5 × 4");
}

TEST(ContactSheet, PutsPicturesSideBySideWithGaps) {
  const Tensor a = *Tensor::Of<uint8_t>(Shape{1, 1, 1, 1}, {1});
  const Tensor b = *Tensor::Of<uint8_t>(Shape{2, 1, 1, 1}, {2, 3});
  const auto strip = ContactSheet({a, b}, 0, 1, Cpu());
  ASSERT_TRUE(strip.ok()) << strip.status();
  EXPECT_EQ(strip->shape(), (Shape{1, 1, 5, 1}));
  EXPECT_THAT(strip->span<uint8_t>(), ElementsAre(1, 255, 2, 255, 3));
  const auto sheet = ContactSheet({a, b}, 2, 0, Cpu());
  EXPECT_THAT(sheet->span<uint8_t>(), ElementsAre(1, 2, 3, 255));
}

TEST(ContactSheet, RejectsPicturesThatAreNotAlike) {
  const auto sheet = ContactSheet({PatternImage(2, 2, 3), PatternImage(2, 2, 1)}, 0, 0, Cpu());
  EXPECT_THAT(std::string(sheet.status().message()), HasSubstr("pictures must be alike"));
  EXPECT_THAT(std::string(ContactSheet({}, 0, 0, Cpu()).status().message()),
              HasSubstr("there are no pictures"));
}

}  // namespace
}  // namespace weft
