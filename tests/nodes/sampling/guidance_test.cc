#include "nodes/sampling/guidance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/nodes/sampling/denoisers.h"

namespace weft {

NodeType GuidanceNode();

namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// What PredictNoise answers with a denoiser that Guidance has made.
absl::StatusOr<Tensor> Predict(const Values& guidance, Values question, const NodeRun& how = {}) {
  return Predict(GuidanceNode(), guidance, std::move(question), how);
}

Tensor Rows(const Tensor& x, int64_t begin, int64_t end) { return x.Rows(begin, end).value(); }

Tensor Guided(const Tensor& unconditional, const Tensor& conditional, double scale) {
  Ops ops = CpuOps();
  return ops.Finish(Guide(ops, unconditional, conditional, scale)).value();
}

// unet_sd2 looks at texts 20 wide.
constexpr char kName[] = "unet_sd2";
constexpr int64_t kWidth = 20;

class GuidanceTest : public ::testing::Test {
 protected:
  const Value unet_ = Wire(LoadUnet(kName));
  const Tensor positive_ = Noise({1, 7, kWidth}, 1);
  const Tensor negative_ = Noise({1, 7, kWidth}, 2);
  const Tensor longer_ = Noise({1, 12, kWidth}, 3);
  const Tensor latent_ = Noise({2, 4, 8, 12}, 4);

  // One pass, told one text.
  Tensor Alone(const Tensor& text, const Tensor& latent) {
    return Predict({{"unet", unet_}, {"positive", Says(text)}},
                   {{"latent", Value(latent)}, {"step", StepAt(300)}})
        .value();
  }
};

TEST_F(GuidanceTest, CombinesBothPassesOfOneBatch) {
  const auto noise = Predict({{"unet", unet_},
                              {"positive", Says(positive_)},
                              {"negative", Says(negative_)},
                              {"guidance_scale", Value(3.0)}},
                             {{"latent", Value(latent_)}, {"step", StepAt(300)}});
  ASSERT_TRUE(noise.ok()) << noise.status();
  EXPECT_LE(Distance(*noise, Guided(Alone(negative_, latent_), Alone(positive_, latent_), 3.0)),
            1e-5);
}

TEST_F(GuidanceTest, TakesTextsOfDifferentLengths) {
  const auto noise = Predict({{"unet", unet_},
                              {"positive", Says(longer_)},
                              {"negative", Says(negative_)},
                              {"guidance_scale", Value(2.0)}},
                             {{"latent", Value(latent_)}, {"step", StepAt(300)}});
  ASSERT_TRUE(noise.ok()) << noise.status();
  EXPECT_LE(Distance(*noise, Guided(Alone(negative_, latent_), Alone(longer_, latent_), 2.0)),
            1e-5);
}

TEST_F(GuidanceTest, DrawsSeveralPicturesFromOneText) {
  const Tensor both = Alone(positive_, latent_);
  for (int64_t i = 0; i < 2; ++i) {
    EXPECT_LE(Distance(Rows(both, i, i + 1), Alone(positive_, Rows(latent_, i, i + 1))), 1e-5);
  }
}

TEST_F(GuidanceTest, GivesEachOfSeveralTextsItsPictures) {
  Ops ops = CpuOps();
  const Tensor texts[] = {positive_, negative_};
  const Tensor pictures[] = {latent_, latent_};
  const Tensor noise = Alone(ops.Stack(texts), ops.Stack(pictures));  // pictures 0, 1 of text 0
  EXPECT_LE(Distance(Rows(noise, 0, 2), Alone(positive_, latent_)), 1e-5);
  EXPECT_LE(Distance(Rows(noise, 2, 4), Alone(negative_, latent_)), 1e-5);
}

TEST_F(GuidanceTest, LooksAtThePositiveAloneWhereTheScaleIsOne) {
  const auto noise = Predict({{"unet", unet_},
                              {"positive", Says(positive_)},
                              {"negative", Says(negative_)},
                              {"guidance_scale", Value(1.0)}},
                             {{"latent", Value(latent_)}, {"step", StepAt(300)}});
  ASSERT_TRUE(noise.ok()) << noise.status();
  EXPECT_EQ(Distance(*noise, Alone(positive_, latent_)), 0);
}

TEST_F(GuidanceTest, TakesAnotherScaleForOneStep) {
  const Values bound = {{"unet", unet_},
                        {"positive", Says(positive_)},
                        {"negative", Says(negative_)},
                        {"guidance_scale", Value(7.5)}};
  const auto asked = Predict(
      bound, {{"latent", Value(latent_)}, {"step", StepAt(500)}, {"guidance_scale", Value(3.0)}});
  ASSERT_TRUE(asked.ok()) << asked.status();
  Values other = bound;
  other["guidance_scale"] = Value(3.0);
  const auto wanted = Predict(other, {{"latent", Value(latent_)}, {"step", StepAt(500)}});
  ASSERT_TRUE(wanted.ok()) << wanted.status();
  for (int64_t i = 0; i < wanted->numel(); ++i) {
    ASSERT_EQ(asked->data<float>()[i], wanted->data<float>()[i]) << "at " << i;
  }
}

TEST_F(GuidanceTest, CannotBeGuidedInOneStepByATextItWasBoundWithout) {
  const auto asked =
      Predict({{"unet", unet_}, {"positive", Says(positive_)}},
              {{"latent", Value(latent_)}, {"step", StepAt(500)}, {"guidance_scale", Value(3.0)}});
  EXPECT_THAT(std::string(asked.status().message()),
              HasSubstr("a guidance_scale of 3 needs the negative text"));
}

TEST_F(GuidanceTest, HasInADryRunTheShapesOfTheRun) {
  const auto noise = Predict({{"unet", unet_},
                              {"positive", Says(positive_)},
                              {"negative", Says(longer_)},
                              {"guidance_scale", Value(7.5)}},
                             {{"latent", Value(latent_)}, {"step", StepAt(300)}}, {.dry = true});
  ASSERT_TRUE(noise.ok()) << noise.status();
  EXPECT_TRUE(noise->is_meta());
  EXPECT_EQ(noise->shape(), latent_.shape());
}

TEST_F(GuidanceTest, NamesBothEndsOfATextOfAnotherWidth) {
  const auto noise = Predict(
      {{"unet", unet_}, {"positive", Says(Noise({1, 7, 24}, 1))}, {"guidance_scale", Value(7.5)}},
      {{"latent", Value(latent_)}, {"step", StepAt(300)}});
  EXPECT_EQ(PortOf(noise.status()), "positive");
  EXPECT_THAT(noise.status().message(),
              AllOf(HasSubstr("conditioning[width=20]"), HasSubstr("cross_attention_dim"),
                    HasSubstr("conditioning[width=24]")));
}

TEST_F(GuidanceTest, RefusesMoreTextsThanPictures) {
  Ops ops = CpuOps();
  const Tensor texts[] = {positive_, negative_, positive_};
  const auto noise = Predict({{"unet", unet_}, {"positive", Says(ops.Stack(texts))}},
                             {{"latent", Value(latent_)}, {"step", StepAt(300)}});
  EXPECT_THAT(noise.status().message(),
              HasSubstr("a batch of 2 latents cannot be shared by 3 texts"));
}

TEST(Guidance, EmbedsTheScaleWhereTheNetworkWasDistilledWithIt) {
  const GoldenTensors golden("unet_lcm");  // made with a scale of 7.5
  const Tensor text = golden.Get("encoder_hidden_states.0");
  const auto noise = Predict({{"unet", Wire(LoadUnet("unet_lcm"))},
                              {"positive", Says(text)},
                              {"negative", Says(text)},
                              {"guidance_scale", Value(7.5)}},
                             {{"latent", Value(golden.Get("sample.0"))},
                              {"step", StepAt(golden.Get("timestep.0").data<float>()[0])}});
  ASSERT_TRUE(noise.ok()) << noise.status();
  EXPECT_LE(Distance(*noise, golden.Get("noise_pred.0")), 1e-4);
}

class PredictNoiseTest : public ::testing::Test {
 protected:
  // Channels from..to of [b, c, h, w].
  static Tensor Channels(const Tensor& x, int64_t from, int64_t to) {
    std::vector<float> values;
    for (int64_t b = 0; b < x.dim(0); ++b) {
      const float* at = x.data<float>() + (b * x.dim(1) + from) * x.dim(2) * x.dim(3);
      values.insert(values.end(), at, at + (to - from) * x.dim(2) * x.dim(3));
    }
    return MadeOf({x.dim(0), to - from, x.dim(2), x.dim(3)}, values);
  }
  absl::StatusOr<Tensor> Ask(Values question) {
    question["step"] = StepAt(golden_.Get("timestep.0").data<float>()[0]);
    return Predict({{"unet", Wire(LoadUnet("unet_inpaint"))},
                    {"positive", Says(golden_.Get("encoder_hidden_states.0"))},
                    {"guidance_scale", Value(1.0)}},
                   question);
  }

  const GoldenTensors golden_{"unet_inpaint"};
  const Tensor sample_ = golden_.Get("sample.0");
};

TEST_F(PredictNoiseTest, PutsMaskAndMaskedPictureBesideTheLatent) {
  const auto noise = Ask(
      {{"latent", Value(Channels(sample_, 0, 4))}, {"channels", Value(Channels(sample_, 4, 9))}});
  ASSERT_TRUE(noise.ok()) << noise.status();
  EXPECT_LE(Distance(*noise, golden_.Get("noise_pred.0")), 1e-4);
}

TEST_F(PredictNoiseTest, SaysThatChannelsAreMissing) {
  const auto noise = Ask({{"latent", Value(Channels(sample_, 0, 4))}});
  EXPECT_EQ(PortOf(noise.status()), "latent");
  EXPECT_THAT(noise.status().message(),
              HasSubstr("it has 4 channels, the UNet's in_channels is 9; wire the others to "
                        "\"channels\""));
}

TEST_F(PredictNoiseTest, SaysThatChannelsDoNotAddUp) {
  const auto noise = Ask(
      {{"latent", Value(Channels(sample_, 0, 4))}, {"channels", Value(Channels(sample_, 4, 8))}});
  EXPECT_EQ(PortOf(noise.status()), "channels");
  EXPECT_THAT(noise.status().message(),
              HasSubstr("4 channels of the latent and 4 of these are 8, the UNet's in_channels is "
                        "9"));
}

TEST_F(PredictNoiseTest, SaysThatChannelsHaveAnotherSize) {
  const auto noise = Ask(
      {{"latent", Value(Channels(sample_, 0, 4))}, {"channels", Value(Noise({1, 5, 4, 4}, 1))}});
  EXPECT_EQ(PortOf(noise.status()), "channels");
  EXPECT_THAT(noise.status().message(), HasSubstr("does not go with the latent's"));
}

TEST_F(PredictNoiseTest, RefusesALatentThatIsNone) {
  const auto noise = Ask({{"latent", Value(Noise({4, 4}, 1))}});
  EXPECT_EQ(PortOf(noise.status()), "latent");
  EXPECT_THAT(noise.status().message(), HasSubstr("expected [batch, channels, height, width] f32, "
                                                  "got [4, 4] f32"));
}

// A text 16 wide with what unet_upscale and unet_sdxl look at beside it.
Value Entry(Tensor tokens, std::optional<int64_t> label, Tensor pooled = {},
            std::vector<double> sizes = {}) {
  std::vector<Conditioning::Entry> entries(1);
  entries[0].tokens = std::move(tokens);
  entries[0].class_label = label;
  entries[0].pooled = std::move(pooled);
  entries[0].sizes = std::move(sizes);
  return Wire(std::make_shared<const Conditioning>(std::move(entries)));
}

TEST(GuidanceOfClasses, PredictsAsDiffusersDoes) {
  const GoldenTensors golden("unet_upscale");
  const Tensor sample = golden.Get("sample.1");  // [1, 7, h, w]
  const Tensor planes = sample.Reshape({7, sample.dim(2) * sample.dim(3)}).value();
  const auto channels = [&](int64_t begin, int64_t end) {
    return Value(
        planes.Rows(begin, end)->Reshape({1, end - begin, sample.dim(2), sample.dim(3)}).value());
  };
  const auto noise =
      Predict({{"unet", Wire(LoadUnet("unet_upscale"))},
               {"positive", Entry(golden.Get("encoder_hidden_states.1"), 20)}},
              {{"latent", channels(0, 4)}, {"channels", channels(4, 7)}, {"step", StepAt(961)}});
  ASSERT_TRUE(noise.ok()) << noise.status();
  EXPECT_LE(Distance(*noise, golden.Get("noise_pred.1")), 1e-4);
}

TEST(GuidanceOfClasses, RefusesATextWithoutAClassAndAnUnknownOne) {
  const auto error = [](const Value& text) {
    return RunNode(GuidanceNode(), {{"unet", Wire(LoadUnet("unet_upscale"))}, {"positive", text}})
        .status();
  };
  const Tensor tokens = Noise({1, 7, 16}, 1);
  EXPECT_THAT(error(Entry(tokens, std::nullopt)).message(),
              AllOf(HasSubstr("this UNet embeds a class"), HasSubstr("ClassConditioning")));
  EXPECT_THAT(error(Entry(tokens, 50)).message(),
              HasSubstr("its class_label is 50, the UNet knows 0..49"));
}

TEST(GuidanceOfSizes, NamesBothSidesWhereARefinerStandsForABase) {
  // unet_refiner: pooled text 20 wide and 5 sizes of 6; told what a base is told.
  const auto outputs =
      RunNode(GuidanceNode(), {{"unet", Wire(LoadUnet("unet_refiner"))},
                               {"positive", Entry(Noise({1, 7, 20}, 1), std::nullopt,
                                                  Noise({1, 20}, 2), {64, 64, 0, 0, 64, 64})}});
  EXPECT_EQ(PortOf(outputs.status()), "positive");
  EXPECT_THAT(outputs.status().message(),
              AllOf(HasSubstr("embeds pooled text and sizes, 50 wide together"),
                    HasSubstr("6 sizes (6 each) and pooled text 20 wide"),
                    HasSubstr("a base model takes 6 sizes, a refiner 5 with the aesthetic_score")));
  const auto bare =
      RunNode(GuidanceNode(), {{"unet", Wire(LoadUnet("unet_refiner"))},
                               {"positive", Entry(Noise({1, 7, 20}, 1), std::nullopt)}});
  EXPECT_THAT(bare.status().message(), HasSubstr("SizeConditioning gives it sizes"));
}

}  // namespace
}  // namespace weft
