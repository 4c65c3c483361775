#include "runtime/tensor/shape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

namespace weft {
namespace {

using ::testing::HasSubstr;

TEST(Shape, ChecksWhatComesFromOutside) {
  const absl::StatusOr<Shape> shape = Shape::Checked({2, 0, 3}, 4);
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->numel(), 0);
  EXPECT_THAT(Shape::Checked({2, -1}, 4).status().message(), HasSubstr("negative extent"));
  EXPECT_THAT(Shape::Checked({int64_t{1} << 61}, 4).status().message(), HasSubstr("too large"));
  EXPECT_TRUE(Shape::Checked({int64_t{1} << 60}, 4).ok());
}

// Any product of some of the extents is computed somewhere; one of 0 hides none of the others.
TEST(Shape, AnExtentOfZeroHidesNoOthersThatAreTooLarge) {
  constexpr int64_t kLarge = int64_t{1} << 40;
  for (const auto& dims : {Shape{kLarge, kLarge, 0}, Shape{0, kLarge, kLarge}}) {
    EXPECT_THAT(Shape::Checked(dims.dims(), 1).status().message(), HasSubstr("too large"));
  }
}

}  // namespace
}  // namespace weft
