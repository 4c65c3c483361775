#include "nodes/models/unet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/models/parts.h"
#include "tests/nodes/models/golden.h"

namespace weft {
namespace {

// The guidance scale that the goldens of networks that embed it were made with.
constexpr double kGoldenScale = 7.5;

class UnetGolden : public ::testing::TestWithParam<std::tuple<std::string, DType>> {
 protected:
  void SetUp() override {
    auto unet = Unet::Load(GoldenFolder(name()) + "/unet");
    ASSERT_TRUE(unet.ok()) << unet.status();
    unet_ = *std::move(unet);
    EXPECT_THAT(unet_->unused(), ::testing::IsEmpty());
  }
  std::string name() const { return std::get<0>(GetParam()); }
  DType compute() const { return std::get<1>(GetParam()); }

  absl::StatusOr<Tensor> Predict(Ops& ops, const GoldenTensors& golden, const std::string& k) {
    const UnetNetwork& network = unet_->network();
    UnetCondition condition{.context = network.EmptyContext()};
    if (network.config().context_width > 0) {
      network.AddSegment(ops, golden.Get("encoder_hidden_states" + k), condition.context);
    }
    if (network.config().guidance_width > 0) condition.guidance_scale = kGoldenScale;
    if (network.config().size_width > 0) {
      const Tensor sizes = golden.Get("time_ids" + k);  // the same in each row
      const std::vector<double> row(sizes.data<float>(), sizes.data<float>() + sizes.dim(1));
      condition.added = network.EmbedSizes(ops, golden.Get("text_embeds" + k), row);
    }
    if (network.config().takes_class()) {
      const Tensor labels = golden.Get("class_labels" + k);  // the same in each row
      condition.added = network.EmbedClass(ops, labels.data<int64_t>()[0]);
    }
    const Tensor pictures[] = {golden.Get("sample" + k)};
    return ops.Finish(
        network(ops, pictures, golden.Get("timestep" + k).data<float>()[0], condition));
  }

  std::shared_ptr<const Unet> unet_;
};

TEST_P(UnetGolden, PredictsAsDiffusersDoes) {
  const GoldenTensors golden(name());
  int cases = 0;
  for (std::string k = ".0"; golden.Has("sample" + k); k = "." + std::to_string(++cases)) {
    Ops ops = CpuOps(compute());
    const auto noise = Predict(ops, golden, k);
    ASSERT_TRUE(noise.ok()) << noise.status();
    // What bf16 costs diffusers itself, where the golden says so.
    const double own =
        golden.Has("bf16_cosine" + k) ? golden.Get("bf16_cosine" + k).data<float>()[0] : 1.0;
    ExpectParity("noise_pred" + k, *noise, golden.Get("noise_pred" + k), compute(), own);
  }
  EXPECT_GE(cases, 1);
}

TEST_P(UnetGolden, HasInADryRunTheShapesOfTheRun) {
  const GoldenTensors golden(name());
  int cases = 0;
  for (std::string k = ".0"; golden.Has("sample" + k); k = "." + std::to_string(++cases)) {
    Ops ops = MetaOps(compute());
    const auto noise = Predict(ops, golden, k);
    ASSERT_TRUE(noise.ok()) << noise.status();
    EXPECT_TRUE(noise->is_meta());
    EXPECT_EQ(noise->shape(), golden.Get("noise_pred" + k).shape());
  }
}

TEST_P(UnetGolden, GivesTheSameBitsForAnyNumberOfThreads) {
  const GoldenTensors golden(name());
  SetThreads(1);
  Ops ops = CpuOps(compute());
  const Tensor wanted = Predict(ops, golden, ".0").value();
  for (const int threads : {2, 3, 8}) {
    SetThreads(threads);
    EXPECT_EQ(Distance(Predict(ops, golden, ".0").value(), wanted), 0) << threads << " threads";
  }
  SetThreads(0);
}

INSTANTIATE_TEST_SUITE_P(Models, UnetGolden,
                         ::testing::Combine(::testing::ValuesIn(GoldensWith("unet")),
                                            ::testing::Values(DType::kF32, DType::kBF16)),
                         [](const auto& of) {
                           return std::get<0>(of.param) + "_" +
                                  std::string(Name(std::get<1>(of.param)));
                         });

TEST(Unet, TheGoldensCoverSixteenNetworks) { EXPECT_GE(GoldensWith("unet").size(), 16u); }

}  // namespace
}  // namespace weft
