#include "runtime/weights/int8_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "runtime/weights/weight_store.h"

namespace weft {
namespace {

using ::testing::HasSubstr;

std::shared_ptr<WeightStore> Weights(float bias = 1.0f) {
  return WeightStore::Of("model.safetensors",
                         {{"in.weight", *Tensor::Of<float>(Shape{2, 3}, {1, 2, 3, 4, 5, 6})},
                          {"in.bias", *Tensor::Of<float>(Shape{2}, {bias, 2})}});
}

Int8Table Made() {
  Int8Table table;
  table.weights = *WeightsFingerprint(*Weights());
  table.first_share = 0.1;
  table.layers["in"] = {.noise = 0.001,
                        .multiply_adds = 300,
                        .sources = {{.channels = 2, .scale = 0.5f, .zero = 17},
                                    {.channels = 1, .scale = 2.0f, .zero = 3}},
                        .migration = {0, 2, -1}};
  table.layers["out"] = {.kept = "few channels", .noise = 0, .multiply_adds = 100};
  table.Index();
  return table;
}

TEST(Int8Table, SaysTheSameAfterWritingAndReading) {
  const auto read = ParseInt8Table(Made().ToJson("1.0"), "model.int8.json");
  ASSERT_TRUE(read.ok()) << read.status();
  const Int8Table& table = **read;
  EXPECT_EQ(table.weights, Made().weights);
  EXPECT_EQ(table.first_share, 0.1);
  EXPECT_EQ(table.last_share, 1.0);
  EXPECT_DOUBLE_EQ(table.Share(), 0.75);
  EXPECT_EQ(table.Find("out"), nullptr);
  const std::shared_ptr<const Int8Input> input = table.Find("in");
  ASSERT_NE(input, nullptr);
  EXPECT_THAT(input->zero, ::testing::ElementsAre(17, 17, 3));
  EXPECT_FLOAT_EQ(input->scale[0], 0.5f);
  EXPECT_FLOAT_EQ(input->scale[1], 1.0f);
  EXPECT_FLOAT_EQ(input->scale[2], 2.0f / std::sqrt(2.0f));
  EXPECT_EQ(table.layers.at("out").kept, "few channels");
}

TEST(Int8Table, RefusesWhatIsNoTableAndSaysWhere) {
  const auto refused = [](const std::string& json) {
    const auto table = ParseInt8Table(json, "x.int8.json");
    return table.ok() ? std::string() : std::string(table.status().message());
  };
  EXPECT_THAT(refused("[]"), HasSubstr("weft_int8"));
  EXPECT_THAT(refused(R"({"weft_int8": 9})"), HasSubstr("format 9"));
  const std::string head =
      R"({"weft_int8": 1, "weights": "0", "int8_start": 0, "int8_stop": 1, "layers": {"a": )";
  EXPECT_THAT(refused(head + R"({"noise": 0, "multiply_adds": 1}}})"),
              ::testing::AllOf(HasSubstr("x.int8.json"), HasSubstr("\"a\""), HasSubstr("sources")));
  const std::string layer = head + R"({"noise": 0, "multiply_adds": 1, "sources": [{"channels": )";
  EXPECT_THAT(refused(layer + R"(0, "scale": 1, "zero": 0}]}}})"), HasSubstr("channels"));
  EXPECT_THAT(refused(layer + R"(2, "scale": 0, "zero": 0}]}}})"), HasSubstr("scale"));
  EXPECT_THAT(refused(layer + R"(2, "scale": 1, "zero": 256}]}}})"), HasSubstr("zero"));
  EXPECT_THAT(refused(layer + R"(2, "scale": 1, "zero": 1}], "migration": [1]}}})"),
              HasSubstr("migration"));
  EXPECT_THAT(refused(layer + R"(2, "scale": 1, "zero": 1}], "migration": [1, 1e9]}}})"),
              HasSubstr("migration"));
}

TEST(Int8Table, RefusesScalesThatAreNotFiniteWhenMigrated) {
  const auto of = [](const char* scale, int migration) {
    return ParseInt8Table(
        absl::StrCat(R"({"weft_int8": 1, "weights": "0", "int8_start": 0, "int8_stop": 1, )",
                     R"("layers": {"a": {"noise": 0, "multiply_adds": 1, "sources": )",
                     R"([{"channels": 1, "scale": )", scale, R"(, "zero": 0}], "migration": [)",
                     migration, "]}}}"),
        "x.int8.json");
  };
  for (const char* scale : {"1e-21", "1e21", "1e30", "-1", "1e400"}) {
    EXPECT_THAT(of(scale, 0).status().message(), HasSubstr("x.int8.json")) << scale;
  }
  for (const char* scale : {"1e-20", "1e20"}) {
    for (const int migration : {-64, 64}) {
      const auto table = of(scale, migration);
      ASSERT_TRUE(table.ok()) << table.status();
      const float read = (*table)->Find("a")->scale[0];
      EXPECT_TRUE(std::isnormal(read) && std::isnormal(1.0f / read)) << scale << " " << migration;
    }
  }
}

TEST(Int8Table, RefusesStepsThatEndBeforeTheyBegin) {
  Int8Table table = Made();
  table.last_share = table.first_share;
  EXPECT_THAT(ParseInt8Table(table.ToJson("1.0"), "x.int8.json").status().message(),
              ::testing::AllOf(HasSubstr("int8_start"), HasSubstr("int8_stop")));
}

// A line of 100 bytes tells of a million channels, each of which takes memory.
TEST(Int8Table, RefusesMoreChannelsThanAnyNetworkHas) {
  Int8Table table = Made();
  for (int i = 0; i < 9; ++i) {
    table.layers[absl::StrCat("layer", i)].sources = {{.channels = int64_t{1} << 20}};
  }
  const auto read = ParseInt8Table(table.ToJson("1.0"), "x.int8.json");
  EXPECT_THAT(read.status().message(), HasSubstr("channels"));
}

TEST(Int8Table, LiesBesideTheWeights) {
  EXPECT_EQ(Int8TablePath("a/unet.safetensors.zst"), "a/unet.int8.json");
  EXPECT_EQ(Int8TablePath("a/unet.safetensors.index.json"), "a/unet.int8.json");
  EXPECT_EQ(Int8TablePath("sd15.ckpt"), "sd15.int8.json");
}

TEST(Int8Table, IsForTheWeightsItWasMadeForAlone) {
  Int8Table table = Made();
  table.path = "x.int8.json";
  table.layers.erase("out");
  EXPECT_TRUE(CheckInt8Table(table, *Weights()).ok());
  const absl::Status other = CheckInt8Table(table, *Weights(1.5f));
  EXPECT_THAT(other.message(),
              ::testing::AllOf(HasSubstr("x.int8.json"), HasSubstr("other weights"),
                               HasSubstr("model.safetensors")));
  table.layers["im"] = {.kept = "x"};
  EXPECT_THAT(CheckInt8Table(table, *Weights()).message(),
              ::testing::AllOf(HasSubstr("\"im\""), HasSubstr("did you mean \"in\"")));
}

TEST(Int8Table, IsNotForALayerWhoseSumsWouldNotFitIn32Bits) {
  const Scope layer =
      Scope(Weights()->WithInt8(std::make_shared<const Int8Table>(Made()))).Sub("in");
  EXPECT_NE(layer.Int8(3, kMostInt8Products / 3), nullptr);
  EXPECT_EQ(layer.Int8(3, kMostInt8Products / 3 + 1), nullptr);
}

TEST(WeightsFingerprint, DoesNotDependOnWhereTheWeightsLie) {
  EXPECT_EQ(*WeightsFingerprint(*Weights()),
            *WeightsFingerprint(*WeightStore::OfWeights("elsewhere", Weights()->weights())));
}

}  // namespace
}  // namespace weft
