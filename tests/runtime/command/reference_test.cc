#include "runtime/command/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "nodes/image/codec.h"
#include "tests/runtime/base/scratch_folder.h"

namespace weft {
namespace {

using ::testing::HasSubstr;

Value Picture(uint8_t grey, int64_t count = 1) {
  const std::vector<uint8_t> pixels(static_cast<size_t>(count) * 2 * 2 * 3, grey);
  return Value(*Tensor::Of<uint8_t>(Shape{count, 2, 2, 3}, pixels));
}

Value Numbers(std::vector<float> numbers) {
  return Value(*Tensor::Of<float>(Shape{static_cast<int64_t>(numbers.size())}, numbers));
}

class ReferenceTest : public ::testing::Test {
 protected:
  // Writes `before` as the reference, then compares `after` with it.
  absl::StatusOr<Comparison> Compare(const char* type, const Value& before, const Value& after,
                                     const absl::btree_map<std::string, double>& bounds = {}) {
    Reference reference{.folder = folder_ / "expected",
                        .stem = "g",
                        .differences = folder_ / "out",
                        .update = true};
    const absl::StatusOr<Comparison> written =
        reference.Check("x", Type::Parse(type), before, bounds);
    if (!written.ok()) return written;
    reference.update = false;
    return reference.Check("x", Type::Parse(type), after, bounds);
  }
  ScratchFolder folder_;
};

TEST_F(ReferenceTest, PicturesMayBeOffByTwo) {
  const absl::StatusOr<Comparison> near = Compare("image", Picture(100), Picture(102));
  ASSERT_TRUE(near.ok()) << near.status();
  EXPECT_EQ(near->problem, "");
  EXPECT_EQ(Compare("image", Picture(100), Picture(103))->problem,
            "is off by up to 3 of 255, 2 is allowed");
}

TEST_F(ReferenceTest, TheGraphsOwnBoundsCount) {
  EXPECT_EQ(Compare("image", Picture(100), Picture(110), {{"max_abs", 10}})->problem, "");
  EXPECT_EQ(Compare("image", Picture(100), Picture(110), {{"mean_abs", 9}})->problem,
            "is off by 10 of 255 on average, 9 is allowed");
}

TEST_F(ReferenceTest, AnUnknownBoundIsAnError) {
  EXPECT_THAT(Compare("image", Picture(1), Picture(1), {{"max_asb", 1}}).status().message(),
              HasSubstr("no bound \"max_asb\"; did you mean \"max_abs\"?"));
}

TEST_F(ReferenceTest, ABatchOfAnotherSizeDiffers) {
  const absl::StatusOr<Comparison> comparison = Compare("image", Picture(1, 2), Picture(1, 3));
  ASSERT_TRUE(comparison.ok()) << comparison.status();
  EXPECT_EQ(comparison->problem, "is 2×6 with 3 channels, not 2×4 with 3");
}

TEST_F(ReferenceTest, ShowsExpectedActualAndDifferenceSideBySide) {
  const absl::StatusOr<Comparison> comparison = Compare("image", Picture(100), Picture(110));
  ASSERT_TRUE(comparison.ok()) << comparison.status();
  ASSERT_EQ(comparison->written.size(), 1U);
  const absl::StatusOr<Tensor> shown =
      DecodeImageFile(comparison->written[0], Allocator(Device::kCpu));
  ASSERT_TRUE(shown.ok()) << shown.status();
  ASSERT_EQ(shown->dim(2), 2 + 4 + 2 + 4 + 2);
  EXPECT_EQ(shown->data<uint8_t>()[0], 100);
  EXPECT_EQ(shown->data<uint8_t>()[6 * 3], 110);
  EXPECT_EQ(shown->data<uint8_t>()[12 * 3], 80);
}

TEST_F(ReferenceTest, TensorsAreComparedByTheirRange) {
  EXPECT_EQ(Compare("tensor", Numbers({0, 100}), Numbers({0, 100.005f}))->problem, "");
  EXPECT_THAT(Compare("tensor", Numbers({0, 100}), Numbers({0, 101}))->problem,
              HasSubstr("is off by up to 0.01 of its range"));
}

TEST_F(ReferenceTest, NotANumberIsNeverNearEnough) {
  EXPECT_THAT(Compare("tensor", Numbers({0, 100}), Numbers({0, std::nanf("")}))->problem,
              HasSubstr("is off by up to nan"));
}

TEST_F(ReferenceTest, ScalarsMustBeTheSame) {
  EXPECT_EQ(Compare("int", Value(int64_t{3}), Value(int64_t{4}))->problem, "is 4, not 3");
  EXPECT_EQ(Compare("text", Value(std::string("a")), Value(std::string("a")))->problem, "");
}

}  // namespace
}  // namespace weft
