#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "nodes/sampling/generator.h"
#include "tests/nodes/sampling/run_node.h"

namespace weft {
NodeType RandomLatentNode();
namespace {

using testing::HasSubstr;

struct FakeVae : Object {
  explicit FakeVae(Traits of) : given(std::move(of)) {}
  absl::string_view type_name() const override { return "vae"; }
  Traits traits() const override { return given; }
  Traits given;
};

Values Inputs(int64_t width, int64_t height, Traits traits = {{"channels", 4}, {"scale", 8}}) {
  return {{"vae", Value(std::shared_ptr<const Object>(std::make_shared<FakeVae>(traits)))},
          {"generator", Value(std::shared_ptr<const Object>(std::make_shared<Generator>(Rng(7))))},
          {"width", Value(width)},
          {"height", Value(height)}};
}
std::string Error(const Values& inputs) {
  const absl::StatusOr<Values> ran = RunNode(RandomLatentNode(), inputs);
  return ran.ok() ? "no error" : absl::StrCat(PortOf(ran.status()), ": ", ran.status().message());
}

TEST(RandomLatent, DrawsAsTorchDoesInTheVaesShape) {
  Values drawn = *RunNode(RandomLatentNode(), Inputs(16, 24));
  const Tensor noise = *drawn["noise"].AsTensor();
  EXPECT_EQ(noise.shape(), Shape({1, 4, 3, 2}));
  std::vector<float> want(24);
  Rng rng(7);
  rng.Normal(absl::MakeSpan(want));
  EXPECT_THAT(noise.span<float>(), testing::ElementsAreArray(want));
  const auto* generator = static_cast<const Generator*>(drawn["generator"].AsObject());
  EXPECT_TRUE(generator->rng() == rng);
}

TEST(RandomLatent, DrawsABatch) {
  Values inputs = Inputs(8, 8, {{"channels", 16}, {"scale", 4}});
  inputs["batch"] = Value(int64_t{3});
  EXPECT_EQ(RunNode(RandomLatentNode(), inputs)->at("noise").AsTensor()->shape(),
            Shape({3, 16, 2, 2}));
}

TEST(RandomLatent, KnowsItsShapeInADryRun) {
  Values drawn = *RunNode(RandomLatentNode(), Inputs(512, 768), Device::kMeta);
  EXPECT_TRUE(drawn["noise"].AsTensor()->is_meta());
  EXPECT_EQ(drawn["noise"].AsTensor()->shape(), Shape({1, 4, 96, 64}));
}

TEST(RandomLatent, TakesTheSizeOfALatentAndTheVaesChannels) {
  Values inputs = Inputs(8, 8);
  inputs.erase("width");
  inputs.erase("height");
  inputs["like"] = Value(*Tensor::Of<float>({1, 3, 1, 2}, {1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(RunNode(RandomLatentNode(), inputs)->at("noise").AsTensor()->shape(),
            Shape({1, 4, 1, 2}));
  inputs.erase("vae");
  EXPECT_EQ(RunNode(RandomLatentNode(), inputs)->at("noise").AsTensor()->shape(),
            Shape({1, 3, 1, 2}));
  inputs["width"] = Value(int64_t{8});
  EXPECT_THAT(Error(inputs), HasSubstr("like: says the size already"));
  inputs.erase("like");
  EXPECT_THAT(Error(inputs), HasSubstr("vae: is missing: give it, a latent as \"like\""));
  inputs["channels"] = Value(int64_t{3});
  inputs["height"] = Value(int64_t{5});
  EXPECT_EQ(RunNode(RandomLatentNode(), inputs)->at("noise").AsTensor()->shape(),
            Shape({1, 3, 5, 8}));
}

TEST(RandomLatent, NamesTheNearestSizes) {
  EXPECT_THAT(Error(Inputs(100, 64)), HasSubstr("width: 100 is not a multiple of 8"));
  EXPECT_THAT(Error(Inputs(100, 64)), HasSubstr("nearest: 96 or 104"));
  EXPECT_THAT(Error(Inputs(64, 3)), HasSubstr("height: 3 is not a multiple of 8"));
  EXPECT_THAT(Error(Inputs(64, 3)), testing::EndsWith("nearest: 8"));
}

TEST(RandomLatent, RefusesSizesThatAreNone) {
  EXPECT_THAT(Error(Inputs(0, 64)), HasSubstr("width: 0 "));
  EXPECT_THAT(Error(Inputs(-8, 64)), HasSubstr("width: -8 "));
  EXPECT_THAT(Error(Inputs(int64_t{1} << 40, 64)), testing::EndsWith("nearest: 65536"));
  Values inputs = Inputs(64, 64);
  inputs["batch"] = Value(int64_t{0});
  EXPECT_THAT(Error(inputs), HasSubstr("batch: 0 is not in 1..65536"));
}

TEST(RandomLatent, RefusesAVaeWithoutTraits) {
  EXPECT_THAT(Error(Inputs(64, 64, {})), HasSubstr("vae: does not say its latent channels"));
}

}  // namespace
}  // namespace weft
