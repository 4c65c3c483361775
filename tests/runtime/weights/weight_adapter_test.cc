#include "runtime/weights/weight_adapter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "runtime/weights/weight_store.h"
#include "tests/runtime/base/scratch_folder.h"
#include "tests/runtime/weights/file_bytes.h"

namespace weft {
namespace {

using ::testing::HasSubstr;

// The Kronecker product of two tensors of a file, put on a weight [6, 4].
absl::Status CheckKronecker(const std::string& header, size_t bytes) {
  const ScratchFolder folder;
  const auto store =
      WeightStore::Open(folder.Put("lokr", SafetensorsBytes(header, std::string(bytes, '\0'))));
  if (!store.ok()) return store.status();
  WeightAdapter adapter{.kind = WeightAdapter::Kind::kKronecker};
  adapter.first.whole = *(*store)->Find("a");
  adapter.second.whole = *(*store)->Find("b");
  return CheckAdapter(adapter, Shape{6, 4});
}

TEST(WeightAdapter, TakesAKroneckerProductOfTheRightExtents) {
  EXPECT_TRUE(CheckKronecker(R"({"a": {"dtype": "U8", "shape": [2, 2], "data_offsets": [0, 4]},
                                 "b": {"dtype": "U8", "shape": [3, 2], "data_offsets": [4, 10]}})",
                             10)
                  .ok());
  EXPECT_THAT(CheckKronecker(R"({"a": {"dtype": "U8", "shape": [2, 2], "data_offsets": [0, 4]},
                                 "b": {"dtype": "U8", "shape": [2, 3], "data_offsets": [4, 10]}})",
                             10)
                  .message(),
              HasSubstr("Kronecker product of 2×2 and 2×3 does not make a weight [6, 4]"));
}

TEST(WeightAdapter, RejectsAFactorOfNothingHoweverLongItSaysItIs) {
  EXPECT_THAT(
      CheckKronecker(
          R"({"a": {"dtype": "U8", "shape": [4611686018427387904, 0], "data_offsets": [0, 0]},
              "b": {"dtype": "U8", "shape": [4, 1], "data_offsets": [0, 4]}})",
          4)
          .message(),
      HasSubstr("a has shape [4611686018427387904, 0], which holds nothing"));
}

}  // namespace
}  // namespace weft
