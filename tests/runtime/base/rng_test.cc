#include "runtime/base/rng.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "runtime/base/json.h"
#include "runtime/weights/weight_store.h"

namespace weft {
namespace {

std::vector<float> Draw(Rng& rng, size_t count) {
  std::vector<float> values(count);
  rng.Normal(absl::MakeSpan(values));
  return values;
}

TEST(Rng, DrawsWhatTorchDraws) {
  const std::string folder = WEFT_SOURCE_DIR "/tests/goldens/randn/";
  const auto cases = ReadJsonFile(folder + "cases.json");
  ASSERT_TRUE(cases.ok()) << cases.status();
  const auto store = WeightStore::Open(folder + "randn.safetensors.zst");
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_GT((*cases)["cases"].size(), 60u);
  for (const nlohmann::json& row : (*cases)["cases"]) {
    const nlohmann::json& seed = row["seed"];
    Rng rng(seed.is_number_unsigned() ? seed.get<uint64_t>()
                                      : static_cast<uint64_t>(seed.get<int64_t>()));
    std::vector<float> drawn;
    for (const nlohmann::json& shape : row["shapes"]) {
      size_t count = 1;
      for (const nlohmann::json& extent : shape) count *= extent.get<size_t>();
      const std::vector<float> part = Draw(rng, count);
      drawn.insert(drawn.end(), part.begin(), part.end());
    }
    if (row.contains("places")) {
      const Tensor places = *(*store)->weights().at(row["places"]).Read();
      std::vector<float> kept;
      for (int32_t place : places.span<int32_t>())
        kept.push_back(drawn[static_cast<size_t>(place)]);
      drawn = kept;
    }
    const Tensor want = *(*store)->weights().at(row["values"]).Read();
    ASSERT_EQ(static_cast<int64_t>(drawn.size()), want.numel()) << row;
    for (size_t i = 0; i < drawn.size(); ++i) {
      ASSERT_NEAR(drawn[i], want.span<float>()[i], 1e-6) << row << " at " << i;
    }
  }
}

TEST(Rng, GivesTheBitsOfMt19937) {
  Rng rng(5489);
  for (int i = 0; i < 9999; ++i) rng.Next();
  EXPECT_EQ(rng.Next(), 4123659995u);  // the 10000th, as the C++ standard states it
}

TEST(Rng, GoesOnFromACopyAsTheOriginalDoes) {
  Rng rng(7);
  Draw(rng, 3);  // leaves a normal number waiting
  Rng copy = rng;
  EXPECT_TRUE(copy == rng);
  EXPECT_EQ(Draw(copy, 5), Draw(rng, 5));
  EXPECT_EQ(Draw(copy, 700), Draw(rng, 700));
}

TEST(Rng, KeepsTheLow32BitsOfItsSeed) {
  EXPECT_TRUE(Rng(uint64_t{1} << 32) == Rng(0));
  EXPECT_TRUE(Rng(static_cast<uint64_t>(int64_t{-1})) == Rng(0xffffffffu));
  EXPECT_FALSE(Rng(1) == Rng(0));
}

TEST(Rng, DrawsNothingForNoValues) {
  Rng rng(1);
  Draw(rng, 0);
  EXPECT_TRUE(rng == Rng(1));
}

}  // namespace
}  // namespace weft
