#include "runtime/weights/derived_weight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "runtime/weights/safetensors_stream.h"
#include "runtime/weights/weight_store.h"
#include "tests/runtime/base/scratch_folder.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor MadeOf(Shape shape, std::vector<float> values) {
  return Tensor::Of<float>(std::move(shape), values).value();
}

Weight WeightOf(Shape shape, std::vector<float> values) {
  const auto store = WeightStore::Of("memory", {{"w", MadeOf(std::move(shape), values)}});
  return *store->Find("w");
}

std::vector<float> Numbers(const Weight& weight) {
  const Tensor tensor = weight.Read().value();
  EXPECT_EQ(tensor.shape(), weight.shape());
  const auto span = tensor.span<float>();
  return {span.begin(), span.end()};
}

TEST(DerivedWeight, SplitsRowsIntoWindowsFromTheTop) {
  const std::vector<Weight> parts =
      SplitRows(WeightOf({6, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}), 3);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_THAT(Numbers(parts[1]), ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(Numbers(parts[0]), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Numbers(parts[2]), ElementsAre(8, 9, 10, 11));
  EXPECT_THAT(Numbers(parts[2]), ElementsAre(8, 9, 10, 11)) << "read a second time";
}

TEST(DerivedWeight, SplitsVectorsToo) {
  EXPECT_THAT(Numbers(SplitRows(WeightOf({3}, {7, 8, 9}), 3)[2]), ElementsAre(9));
}

TEST(DerivedWeight, StacksWhatWasSplit) {
  const Weight whole = WeightOf({3, 2}, {0, 1, 2, 3, 4, 5});
  EXPECT_THAT(Numbers(StackRows(SplitRows(whole, 3))), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(DerivedWeight, TurnsAMatrix) {
  const Weight turned = Transposed(WeightOf({2, 3}, {1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(turned.shape(), (Shape{3, 2}));
  EXPECT_THAT(Numbers(turned), ElementsAre(1, 4, 2, 5, 3, 6));
}

TEST(DerivedWeight, ReshapesAPointwiseConvolution) {
  EXPECT_THAT(Numbers(Reshaped(WeightOf({2, 1, 1, 1}, {5, 6}), Shape{2, 1})), ElementsAre(5, 6));
}

TEST(SafetensorsStream, WritesWhatCanBeReadAgainPlainAndCompressed) {
  const ScratchFolder folder;
  const absl::btree_map<std::string, Weight> weights = {
      {"a", WeightOf({2}, {1, 2})}, {"b", Transposed(WeightOf({1, 2}, {3, 4}))}};
  for (const bool zstd : {false, true}) {
    const std::string path = folder / (zstd ? "x.safetensors.zst" : "x.safetensors");
    const absl::Status written = StreamSafetensors(path, weights, {.zstd = zstd});
    ASSERT_TRUE(written.ok()) << written;
    const auto store = WeightStore::Open(path);
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_THAT(Numbers(*(*store)->Find("a")), ElementsAre(1, 2));
    EXPECT_THAT(Numbers(*(*store)->Find("b")), ElementsAre(3, 4));
  }
}

TEST(SafetensorsStream, RefusesNumbersThatDoNotFit) {
  const ScratchFolder folder;
  const absl::Status status = StreamSafetensors(
      folder / "x.safetensors", {{"big", WeightOf({2}, {1, 1e6})}}, {.dtype = DType::kF16});
  EXPECT_THAT(status.message(), HasSubstr("tensor \"big\": element 1 does not fit in f16"));
  EXPECT_FALSE(WeightStore::Open(folder / "x.safetensors").ok()) << "nothing is left behind";
}

}  // namespace
}  // namespace weft
