#include "nodes/models/layouts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "nodes/models/checkpoint.h"
#include "nodes/models/checkpoint_file.h"
#include "runtime/weights/safetensors_stream.h"
#include "tests/nodes/models/golden.h"
#include "tests/runtime/base/scratch_folder.h"

namespace weft {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;

NamedWeights GoldenPart(const std::string& name, const std::string& part) {
  return OpenPartFolder(GoldenFolder(name) + "/" + part, part).value().store->weights();
}

// Both directions, and that the numbers are the same where they arrive.
void ExpectThereAndBack(const NamedWeights& diffusers, const NamedWeights& back) {
  ASSERT_EQ(diffusers.size(), back.size());
  for (const auto& [name, weight] : diffusers) {
    ASSERT_THAT(back, Contains(Key(name)));
    const Tensor one = weight.Read().value();
    const Tensor other = back.at(name).Read().value();
    ASSERT_EQ(one.shape(), other.shape()) << name;
    ASSERT_EQ(one.dtype(), other.dtype()) << name;
    EXPECT_EQ(std::memcmp(one.raw(), other.raw(), one.bytes()), 0) << name;
  }
}

NamedWeights WithPrefix(const std::string& prefix, const NamedWeights& weights) {
  NamedWeights prefixed;
  for (const auto& [name, weight] : weights) prefixed.emplace(prefix + name, weight);
  return prefixed;
}

class UnetLayout : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Goldens, UnetLayout,
                         ::testing::Values("unet_sd1", "unet_sd2", "unet_inpaint", "unet_lcm"),
                         [](const auto& test) { return test.param; });

TEST_P(UnetLayout, GoesThereAndBack) {
  const NamedWeights diffusers = GoldenPart(GetParam(), "unet");
  const Relaid original = UnetToOriginal(diffusers);
  EXPECT_THAT(original.unknown, IsEmpty());
  EXPECT_THAT(original.weights,
              AllOf(Contains(Key("input_blocks.0.0.weight")),
                    Contains(Key("input_blocks.1.0.in_layers.0.weight")),
                    Contains(Key("middle_block.1.norm.weight")), Contains(Key("out.2.bias"))));
  const Relaid back = UnetToDiffusers(original.weights);
  EXPECT_THAT(back.unknown, IsEmpty());
  ExpectThereAndBack(diffusers, back.weights);
}

TEST(UnetNames, CountBlocksThrough) {
  NamedWeights sdxl;
  for (const char* name :
       {"down_blocks.0.resnets.0", "down_blocks.0.resnets.1", "down_blocks.1.resnets.0",
        "down_blocks.1.resnets.1", "down_blocks.2.resnets.0", "down_blocks.2.resnets.1"}) {
    sdxl.emplace(absl::StrCat(name, ".norm1.weight"), Weight());
  }
  sdxl.emplace("up_blocks.0.attentions.2.norm.weight", Weight());
  const NamePairs names = UnetNames(sdxl);
  EXPECT_EQ(names.ToOriginal("down_blocks.1.attentions.0.proj_in"), "input_blocks.4.1.proj_in");
  EXPECT_EQ(names.ToOriginal("up_blocks.0.attentions.2.proj_in"), "output_blocks.2.1.proj_in");
  EXPECT_EQ(names.ToOriginal("up_blocks.0.upsamplers.0.conv"), "output_blocks.2.2.conv");
  EXPECT_EQ(names.ToOriginal("up_blocks.1.upsamplers.0.conv"), "output_blocks.5.1.conv");
  EXPECT_EQ(names.ToOriginal("down_blocks.0.downsamplers.0.conv"), "input_blocks.3.0.op");
  EXPECT_EQ(names.ToOriginal("mid_block.resnets.1.conv2"), "middle_block.2.out_layers.3");
  EXPECT_EQ(names.ToOriginal("down_blocks.7.resnets.0.conv1"), "");
}

TEST(VaeLayout, GoesThereAndBackWithConvolutionsForItsAttention) {
  const NamedWeights diffusers = GoldenPart("vae_four_levels", "vae");
  const Relaid original = VaeToOriginal(diffusers);
  EXPECT_THAT(original.unknown, IsEmpty());
  EXPECT_EQ(original.weights.at("decoder.mid.attn_1.q.weight").shape().rank(), 4);
  const Relaid back = VaeToDiffusers(original.weights);
  EXPECT_THAT(back.unknown, IsEmpty());
  ExpectThereAndBack(diffusers, back.weights);
}

TEST(TextLayout, GoesThereAndBackWithFusedProjections) {
  const NamedWeights diffusers = GoldenPart("clip_projection", "text_encoder");
  const Relaid original = TextToOriginal(diffusers);
  EXPECT_THAT(original.unknown, IsEmpty());
  const Shape fused = original.weights.at("transformer.resblocks.0.attn.in_proj_weight").shape();
  EXPECT_EQ(fused.dim(0), 3 * fused.dim(1));
  NamedWeights back = TextToDiffusers(original.weights).weights;
  NamedWeights expected = diffusers;
  expected.erase("text_model.embeddings.position_ids");
  ExpectThereAndBack(expected, back);
}

TEST(TextLayout, NamesProjectionsThatDoNotMakeOneTensor) {
  NamedWeights diffusers = GoldenPart("clip_projection", "text_encoder");
  const std::string layer = "text_model.encoder.layers.0.";
  diffusers.at(layer + "self_attn.v_proj.weight") = diffusers.at(layer + "mlp.fc2.weight");
  diffusers.erase(layer + "self_attn.k_proj.bias");
  const std::string attention = layer + "self_attn.";
  EXPECT_THAT(TextToOriginal(diffusers).unknown,
              ElementsAre(attention + "k_proj.weight", attention + "q_proj.bias",
                          attention + "q_proj.weight", attention + "v_proj.bias",
                          attention + "v_proj.weight"));
}

TEST(Checkpoint, TellsPartsApartAndNamesWhatItDoesNotKnow) {
  const ScratchFolder folder;
  NamedWeights file = WithPrefix("model.diffusion_model.",
                                 UnetToOriginal(GoldenPart("unet_inpaint", "unet")).weights);
  file.merge(WithPrefix("first_stage_model.",
                        VaeToOriginal(GoldenPart("vae_four_levels", "vae")).weights));
  const Weight any = file.begin()->second;
  file.emplace("model_ema.decay", any);
  file.emplace("alphas_cumprod", any);
  file.emplace("something.else", any);
  const std::string path = folder / "model.safetensors";
  ASSERT_TRUE(StreamSafetensors(path, file, {}).ok());
  const auto checkpoint = OpenCheckpoint(path);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->parts, ElementsAre(Key("unet"), Key("vae")));
  EXPECT_EQ(checkpoint->family->id, "sd1_inpaint");
  EXPECT_THAT(checkpoint->unused, ElementsAre("something.else"));
  EXPECT_THAT(checkpoint->set_aside, ElementsAre("alphas_cumprod", "model_ema.decay"));
  EXPECT_THAT(checkpoint->Part("text_encoder").status().message(),
              HasSubstr("has no text_encoder, which is wired here; it has unet, vae"));
}

TEST(Checkpoint, RefusesAFileOfOtherThings) {
  const ScratchFolder folder;
  const Weight any = GoldenPart("unet_sd1", "unet").begin()->second;
  const std::string path = folder / "flux.safetensors";
  ASSERT_TRUE(StreamSafetensors(path, {{"double_blocks.0.img_attn.qkv.weight", any}}, {}).ok());
  EXPECT_THAT(OpenCheckpoint(path).status().message(),
              AllOf(HasSubstr("holds no part that weft knows"),
                    HasSubstr("double_blocks.0.img_attn.qkv.weight")));
}

TEST(Families, AreToldByWhatTheTensorsSay) {
  EXPECT_EQ(FamilyOf({}).id, "sd1");
  EXPECT_EQ(FamilyOf({.in_channels = 9}).id, "sd1_inpaint");
  EXPECT_EQ(FamilyOf({.in_channels = 8}).id, "sd1_pix2pix");
  EXPECT_EQ(FamilyOf({.linear_projection = true}).id, "sd2");
  EXPECT_EQ(FamilyOf({.in_channels = 5, .linear_projection = true}).id, "sd2_depth");
  EXPECT_EQ(FamilyOf({.in_channels = 9, .linear_projection = true}).id, "sd2_inpaint");
  EXPECT_EQ(FamilyOf({.in_channels = 7, .class_labels = true, .linear_projection = true}).id,
            "x4_upscaler");
  EXPECT_EQ(FamilyOf({.sizes = true, .linear_projection = true}).id, "sdxl");
  EXPECT_EQ(FamilyOf({.in_channels = 9, .sizes = true}).id, "sdxl_inpaint");
  EXPECT_EQ(FamilyOf({.sizes = true, .five_sizes = true}).id, "sdxl_refiner");
  EXPECT_EQ(FamilyOf({.sizes = true, .normalised_latents = true}).id, "sdxl_playground");
}

TEST(Families, GuessOnlyWhatSd2Predicts) {
  for (const Family& family : Families()) {
    EXPECT_EQ(family.prediction_guessed, family.id == "sd2") << family.id;
  }
}

}  // namespace
}  // namespace weft
