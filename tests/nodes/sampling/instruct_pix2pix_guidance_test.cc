#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/sampling/guidance_math.h"
#include "tests/nodes/guidance_golden.h"
#include "tests/nodes/sampling/denoisers.h"

namespace weft {

NodeType GuidanceNode();
NodeType InstructPix2PixGuidanceNode();

namespace {

using ::testing::HasSubstr;

class InstructPix2PixGuidanceTest : public ::testing::Test {
 protected:
  absl::StatusOr<Tensor> Ask(double scale, double image_scale, const Value& positive,
                             const NodeRun& how = {}) {
    return Predict(InstructPix2PixGuidanceNode(),
                   {{"unet", unet_},
                    {"positive", positive},
                    {"negative", Says(Get("negative"))},
                    {"guidance_scale", Value(scale)},
                    {"image_guidance_scale", Value(image_scale)}},
                   question_, how);
  }
  // One pass, with the picture.
  Tensor Alone(const Tensor& text) {
    return Predict(GuidanceNode(), {{"unet", unet_}, {"positive", Says(text)}}, question_).value();
  }
  Tensor Get(const std::string& name) const { return golden_.Get("pix2pix." + name); }

  const GuidanceGolden golden_;
  const Value unet_ = Wire(LoadUnet("unet_pix2pix"));
  const Values question_ = {{"latent", Value(Get("latent"))},
                            {"channels", Value(Get("channels"))},
                            {"step", StepAt(Get("timestep").data<float>()[0])}};
};

TEST_F(InstructPix2PixGuidanceTest, AnswersAsDiffusersPipelineDoes) {
  const auto noise = Ask(6.0, 1.7, Says(Get("positive")));
  ASSERT_TRUE(noise.ok()) << noise.status();
  EXPECT_LE(Distance(*noise, Get("noise")), 1e-4);
}

TEST_F(InstructPix2PixGuidanceTest, TakesOnePassWhereOneScaleSaysSo) {
  for (const auto& [scale, image_scale] : {std::pair{1.0, 1.5}, std::pair{6.0, 0.9}}) {
    const auto noise = Ask(scale, image_scale, Says(Get("positive")));
    ASSERT_TRUE(noise.ok()) << noise.status();
    EXPECT_EQ(Distance(*noise, Alone(Get("positive"))), 0) << scale;
  }
}

TEST_F(InstructPix2PixGuidanceTest, FollowsSeveralInstructions) {
  std::vector<Conditioning::Entry> entries(2);
  entries[0].tokens = entries[1].tokens = Get("positive");
  entries[0].weight = 0.25;
  entries[1].weight = 0.75;  // together as the one
  const auto noise = Ask(6.0, 1.7, Told(entries));
  ASSERT_TRUE(noise.ok()) << noise.status();
  EXPECT_LE(Distance(*noise, Get("noise")), 1e-4);
}

TEST_F(InstructPix2PixGuidanceTest, HasInADryRunTheShapesOfTheRun) {
  const auto noise = Ask(6.0, 1.7, Says(Get("positive")), {.dry = true});
  ASSERT_TRUE(noise.ok()) << noise.status();
  EXPECT_TRUE(noise->is_meta());
  EXPECT_EQ(noise->shape(), Get("latent").shape());
}

TEST_F(InstructPix2PixGuidanceTest, SaysThatNoInstructionHoldsInAStep) {
  std::vector<Conditioning::Entry> entries(1);
  entries[0].tokens = Get("positive");
  entries[0].steps.first_step = 5;
  Values question = question_;
  question["step"] = StepAt(300, 2, 10);
  const auto noise =
      Predict(InstructPix2PixGuidanceNode(),
              {{"unet", unet_}, {"positive", Told(entries)}, {"negative", Says(Get("negative"))}},
              question);
  EXPECT_THAT(std::string(noise.status().message()),
              HasSubstr("no part of the positive conditioning holds in step 2"));
}

}  // namespace
}  // namespace weft
