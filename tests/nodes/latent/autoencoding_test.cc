#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/latent/pixel_range.h"
#include "nodes/models/parts.h"
#include "nodes/sampling/generator.h"
#include "nodes/sampling/step.h"
#include "tests/nodes/models/run_node.h"

namespace weft {

NodeType VaeEncodeNode();
NodeType VaeDecodeNode();
NodeType PreviewLatentNode();

namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kName[] = "vae_four_levels";

Value LoadVae() {
  return Value(std::shared_ptr<const Object>(Vae::Load(GoldenFolder(kName) + "/vae").value()));
}
Value Seeded(uint64_t seed) {
  return Value(std::shared_ptr<const Object>(std::make_shared<const Generator>(Rng(seed))));
}

// diffusers' [b, c, h, w] in -1..1 as a picture on a wire.
Tensor Picture(const Tensor& x) {
  Ops ops = CpuOps();
  return ops.Finish(ToImageRange(ops, ops.ToChannelsLast(x))).value();
}

TEST(VaeEncode, GivesTheScaledMeanWithoutAGenerator) {
  const GoldenTensors golden(kName);
  const auto outputs =
      RunNode(VaeEncodeNode(), {{"vae", LoadVae()}, {"image", Value(Picture(golden.Get("image")))}},
              {.unwanted = {"generator"}});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_LE(Distance(*outputs->at("latent").AsTensor(), golden.Get("latent_mean")), 1e-4);
}

TEST(VaeEncode, LeavesALatentUnscaledForFurtherChannels) {
  const GoldenTensors golden(kName);
  const auto outputs = RunNode(VaeEncodeNode(),
                               {{"vae", LoadVae()},
                                {"image", Value(Picture(golden.Get("image")))},
                                {"scaled", Value(false)}},
                               {.unwanted = {"generator"}});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_LE(Distance(*outputs->at("latent").AsTensor(), golden.Get("mean")), 1e-4);
}

TEST(VaeEncode, TakesPicturesOfBytes) {
  const GoldenTensors golden(kName);  // its picture is made of whole levels
  const Tensor picture = Picture(golden.Get("image"));
  std::vector<uint8_t> bytes;
  for (const float x : picture.span<float>()) {
    bytes.push_back(static_cast<uint8_t>(std::lround(x * 255.0f)));
  }
  const Value image(Tensor::Of<uint8_t>(picture.shape(), bytes).value());
  const auto outputs =
      RunNode(VaeEncodeNode(), {{"vae", LoadVae()}, {"image", image}}, {.unwanted = {"generator"}});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_LE(Distance(*outputs->at("latent").AsTensor(), golden.Get("latent_mean")), 1e-4);
}

TEST(VaeEncode, DrawsWithAGeneratorAndGivesTheAdvancedOneOut) {
  const GoldenTensors golden(kName);
  constexpr uint64_t kSeed = 2284683459;  // of the golden, see its io.json
  const auto outputs = RunNode(VaeEncodeNode(), {{"vae", LoadVae()},
                                                 {"image", Value(Picture(golden.Get("image")))},
                                                 {"generator", Seeded(kSeed)}});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  const Tensor latent = *outputs->at("latent").AsTensor();
  EXPECT_LE(Distance(latent, golden.Get("latent_sampled")), 1e-4);
  Rng expected(kSeed);
  std::vector<float> draws(static_cast<size_t>(latent.numel()));
  expected.Normal(absl::MakeSpan(draws));
  const auto* advanced = dynamic_cast<const Generator*>(outputs->at("generator").AsObject());
  ASSERT_NE(advanced, nullptr);
  EXPECT_TRUE(advanced->rng() == expected);
}

TEST(VaeEncode, DrawsNothingWithAutoencoderTiny) {
  const GoldenTensors golden("vae_tiny");
  const Value vae(
      std::shared_ptr<const Object>(Vae::Load(GoldenFolder("vae_tiny") + "/vae").value()));
  const auto outputs = RunNode(
      VaeEncodeNode(),
      {{"vae", vae}, {"image", Value(Picture(golden.Get("image")))}, {"generator", Seeded(1)}});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_LE(Distance(*outputs->at("latent").AsTensor(), golden.Get("latent_mean")), 1e-4);
  const auto* generator = dynamic_cast<const Generator*>(outputs->at("generator").AsObject());
  ASSERT_NE(generator, nullptr);
  EXPECT_TRUE(generator->rng() == Rng(1));
}

TEST(VaeEncode, WantsAGeneratorWhereItsGeneratorIsWired) {
  const GoldenTensors golden(kName);
  const auto outputs = RunNode(
      VaeEncodeNode(), {{"vae", LoadVae()}, {"image", Value(Picture(golden.Get("image")))}});
  EXPECT_EQ(PortOf(outputs.status()), "generator");
  EXPECT_THAT(outputs.status().message(), HasSubstr("the output \"generator\" is wired"));
}

TEST(VaeEncode, NamesTheNearestSizesItTakes) {
  const Value image(MadeOf({1, 20, 35, 3}, std::vector<float>(20 * 35 * 3, 0.5f)));
  const auto outputs = RunNode(VaeEncodeNode(), {{"vae", LoadVae()}, {"image", image}});
  EXPECT_EQ(PortOf(outputs.status()), "image");
  EXPECT_THAT(outputs.status().message(),
              HasSubstr("it is 35×20; this autoencoder takes multiples of 8, such as 32×24"));
}

TEST(VaeEncode, RefusesPicturesWithATransparency) {
  const Value image(MadeOf({1, 8, 8, 4}, std::vector<float>(256, 0.5f)));
  const auto outputs = RunNode(VaeEncodeNode(), {{"vae", LoadVae()}, {"image", image}});
  EXPECT_THAT(outputs.status().message(),
              HasSubstr("expected [batch, height, width, 3] u8 or f32, got [1, 8, 8, 4] f32"));
}

TEST(VaeDecode, GivesAPictureBetweenBlackAndWhite) {
  const GoldenTensors golden(kName);
  const auto outputs =
      RunNode(VaeDecodeNode(), {{"vae", LoadVae()}, {"latent", Value(golden.Get("latent"))}});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  const Tensor image = *outputs->at("image").AsTensor();
  EXPECT_EQ(image.shape(), (Shape{2, 32, 32, 3}));
  EXPECT_LE(Distance(image, Picture(golden.Get("decoded"))), 1e-4);
}

TEST(VaeDecode, LeavesTheLatentAsItWas) {
  const GoldenTensors golden(kName);
  const Tensor latent = golden.Get("latent");
  const std::vector<float> before(latent.span<float>().begin(), latent.span<float>().end());
  ASSERT_TRUE(RunNode(VaeDecodeNode(), {{"vae", LoadVae()}, {"latent", Value(latent)}}).ok());
  EXPECT_TRUE(std::equal(before.begin(), before.end(), latent.span<float>().begin()));
}

TEST(VaeDecode, NamesBothNumbersOfChannels) {
  const Value latent(MadeOf({1, 8, 2, 2}, std::vector<float>(32, 0.5f)));
  const auto outputs = RunNode(VaeDecodeNode(), {{"vae", LoadVae()}, {"latent", latent}});
  EXPECT_EQ(PortOf(outputs.status()), "latent");
  EXPECT_THAT(outputs.status().message(),
              AllOf(HasSubstr("latent[channels=4]"), HasSubstr("the VAE's latent_channels"),
                    HasSubstr("latent[channels=8]")));
}

TEST(VaeNodes, HaveInADryRunTheShapesOfTheRun) {
  const Allocator meta(Device::kMeta);
  const Value image(Tensor::Allocate(meta, DType::kU8, {2, 16, 24, 3}).value());
  const auto encoded =
      RunNode(VaeEncodeNode(), {{"vae", LoadVae()}, {"image", image}, {"generator", Seeded(1)}},
              {.dry = true});
  ASSERT_TRUE(encoded.ok()) << encoded.status();
  EXPECT_EQ(encoded->at("latent").AsTensor()->shape(), (Shape{2, 4, 2, 3}));
  for (const NodeType& node : {VaeDecodeNode(), PreviewLatentNode()}) {
    const auto drawn =
        RunNode(node, {{"vae", LoadVae()}, {"latent", encoded->at("latent")}}, {.dry = true});
    ASSERT_TRUE(drawn.ok()) << drawn.status();
    EXPECT_TRUE(drawn->at("image").AsTensor()->is_meta());
    EXPECT_EQ(drawn->at("image").AsTensor()->shape(), (Shape{2, 16, 24, 3}));
  }
}

TEST(PreviewLatent, ShowsAPictureAsLargeAsTheDecodedOne) {
  const GoldenTensors golden(kName);
  Step step;
  step.index = 5;
  std::vector<Event> events;
  const auto outputs = RunNode(
      PreviewLatentNode(),
      {{"vae", LoadVae()}, {"latent", Value(golden.Get("latent"))}, {"step", Value(step.To())}},
      {.events = &events});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  const Tensor image = *outputs->at("image").AsTensor();
  EXPECT_EQ(image.dtype(), DType::kU8);
  EXPECT_EQ(image.shape(), (Shape{2, 32, 32, 3}));
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].kind, Event::Kind::kPreview);
  EXPECT_EQ(events[0].done, 5);
  EXPECT_EQ(events[0].image.shape(), image.shape());
}

TEST(PreviewLatent, IsTheSameEachTime) {
  const GoldenTensors golden(kName);
  const Values inputs = {{"vae", LoadVae()}, {"latent", Value(golden.Get("latent"))}};
  const Tensor first = *RunNode(PreviewLatentNode(), inputs)->at("image").AsTensor();
  const Tensor second = *RunNode(PreviewLatentNode(), inputs)->at("image").AsTensor();
  EXPECT_TRUE(std::equal(first.span<uint8_t>().begin(), first.span<uint8_t>().end(),
                         second.span<uint8_t>().begin()));
}

TEST(VaePreview, SolvesLeastSquares) {
  // [4 2; 2 3]·x = [10; 11] → x = [1; 3]
  const std::vector<double> x = SolvePositive({4, 2, 2, 3}, {10, 11});
  EXPECT_NEAR(x[0], 1, 1e-12);
  EXPECT_NEAR(x[1], 3, 1e-12);
}

TEST(PreviewLatent, DecodesWithAnAutoencoderTiny) {
  const GoldenTensors golden("vae_tiny");
  const Value vae(
      std::shared_ptr<const Object>(Vae::Load(GoldenFolder("vae_tiny") + "/vae").value()));
  const auto outputs =
      RunNode(PreviewLatentNode(), {{"vae", vae}, {"latent", Value(golden.Get("latent"))}});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  const Tensor image = *outputs->at("image").AsTensor();
  const Tensor wanted = Picture(golden.Get("decoded"));
  ASSERT_EQ(image.shape(), wanted.shape());
  for (int64_t i = 0; i < image.numel(); ++i) {
    ASSERT_NEAR(image.data<uint8_t>()[i], wanted.data<float>()[i] * 255.0f, 0.51) << i;
  }
}

}  // namespace
}  // namespace weft
