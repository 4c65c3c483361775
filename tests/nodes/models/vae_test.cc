#include "nodes/models/vae.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "nodes/latent/pixel_range.h"
#include "nodes/models/parts.h"
#include "tests/nodes/models/golden.h"

namespace weft {
namespace {

// diffusers' [b, c, h, w] as the channels-last picture that weft takes, and back.
Tensor ChannelsLast(const Tensor& x) {
  Ops ops = CpuOps();
  return ops.Finish(ops.ToChannelsLast(x)).value();
}
Tensor ChannelsFirst(const Tensor& x) {
  Ops ops = CpuOps();
  return ops.Finish(ops.ToChannelsFirst(x)).value();
}

class VaeGolden : public ::testing::TestWithParam<std::tuple<std::string, DType>> {
 protected:
  void SetUp() override {
    auto vae = Vae::Load(GoldenFolder(name()) + "/vae");
    ASSERT_TRUE(vae.ok()) << vae.status();
    vae_ = *std::move(vae);
    EXPECT_THAT(vae_->unused(), ::testing::IsEmpty());
  }
  std::string name() const { return std::get<0>(GetParam()); }
  DType compute() const { return std::get<1>(GetParam()); }
  const VaeConfig& config() const { return vae_->network().config(); }

  std::shared_ptr<const Vae> vae_;
};

TEST_P(VaeGolden, EncodesAsDiffusersDoes) {
  const GoldenTensors golden(name());
  std::ifstream file(GoldenFolder(name()) + "/io.json");
  const nlohmann::json io = nlohmann::json::parse(file);

  Ops ops = CpuOps(compute());
  const Tensor image = ChannelsLast(golden.Get("image"));
  const VaeNetwork& network = vae_->network();
  const auto encoded = ops.Finish(network.Encode(ops, image));
  ASSERT_TRUE(encoded.ok()) << encoded.status();
  const auto scaled = [&](Rng* rng) {
    return network.Scaled(ops, config().draws() ? SampleGaussian(ops, *encoded, rng) : *encoded);
  };
  ExpectParity("latent_mean", scaled(nullptr), golden.Get("latent_mean"), compute());
  if (!config().draws()) return;
  Rng rng(io["seed"].get<uint64_t>());
  ExpectParity("latent_sampled", scaled(&rng), golden.Get("latent_sampled"), compute());
}

TEST_P(VaeGolden, DecodesAsDiffusersDoes) {
  const GoldenTensors golden(name());
  Ops ops = CpuOps(compute());
  const Tensor latent = vae_->network().Unscaled(ops, golden.Get("latent"));
  const auto image = ops.Finish(vae_->network().Decode(ops, latent));
  ASSERT_TRUE(image.ok()) << image.status();
  ExpectParity("decoded", ChannelsFirst(*image), golden.Get("decoded"), compute());
}

TEST_P(VaeGolden, HasInADryRunTheShapesOfTheRun) {
  const GoldenTensors golden(name());
  Ops ops = MetaOps(compute());
  const Tensor latent = golden.Get("latent");
  const Tensor decoded = golden.Get("decoded");
  const auto image = ops.Finish(vae_->network().Decode(ops, ops.OnDevice(latent)));
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_TRUE(image->is_meta());
  EXPECT_EQ(image->shape(),
            (Shape{decoded.dim(0), decoded.dim(2), decoded.dim(3), decoded.dim(1)}));
  const auto moments = ops.Finish(vae_->network().Encode(ops, *image));
  ASSERT_TRUE(moments.ok()) << moments.status();
  const int64_t channels = (config().draws() ? 2 : 1) * latent.dim(1);
  EXPECT_EQ(moments->shape(), (Shape{latent.dim(0), channels, latent.dim(2), latent.dim(3)}));
}

TEST_P(VaeGolden, GivesTheSameBitsForAnyNumberOfThreads) {
  const Tensor latent = GoldenTensors(name()).Get("latent");
  SetThreads(1);
  Ops ops = CpuOps(compute());
  const Tensor wanted = ops.Finish(vae_->network().Decode(ops, latent)).value();
  for (const int threads : {2, 3, 8}) {
    SetThreads(threads);
    const Tensor image = ops.Finish(vae_->network().Decode(ops, latent)).value();
    EXPECT_EQ(Distance(image, wanted), 0) << threads << " threads";
  }
  SetThreads(0);
}

INSTANTIATE_TEST_SUITE_P(Models, VaeGolden,
                         ::testing::Combine(::testing::ValuesIn(GoldensWith("vae")),
                                            ::testing::Values(DType::kF32, DType::kBF16)),
                         [](const auto& of) {
                           return std::get<0>(of.param) + "_" +
                                  std::string(Name(std::get<1>(of.param)));
                         });

TEST(Vae, TheGoldensCoverEightAutoencoders) { EXPECT_GE(GoldensWith("vae").size(), 8u); }

TEST(Vae, ScalesEachChannelByItsMeanAndDeviation) {
  const auto vae = Vae::Load(GoldenFolder("vae_means") + "/vae").value();
  Ops ops = CpuOps();
  const Tensor latent = MadeOf({1, 4, 1, 1}, {1, 1, 1, 1});
  const Tensor scaled = ops.Finish(vae->network().Scaled(ops, latent)).value();
  // (1 - mean) · scaling_factor / deviation of its config
  EXPECT_NEAR(scaled.data<float>()[0], (1 + 1.6574) * 0.5 / 8.4927, 1e-6);
  EXPECT_NEAR(scaled.data<float>()[3], (1 - 2.5155) * 0.5 / 5.2299, 1e-6);
  const Tensor back = ops.Finish(vae->network().Unscaled(ops, scaled)).value();
  for (const float x : back.span<float>()) EXPECT_NEAR(x, 1, 1e-6);
}

TEST(AutoencoderTiny, KeepsLatentsWithinThree) {
  Ops ops = CpuOps();
  const Tensor x = ops.Finish(SoftClamp(ops, MadeOf({3}, {0, 3, -100}))).value();
  EXPECT_FLOAT_EQ(x.data<float>()[0], 0);
  EXPECT_FLOAT_EQ(x.data<float>()[1], 3 * std::tanh(1.0f));
  EXPECT_FLOAT_EQ(x.data<float>()[2], -3);
}

}  // namespace
}  // namespace weft
