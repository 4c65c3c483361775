#include "nodes/models/config_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/models/clip_text_config.h"
#include "nodes/models/unet_config.h"
#include "nodes/models/vae_config.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ConfigReader Read(absl::string_view text) {
  return ConfigReader::Parse(text, "m/config.json").value();
}

std::string UnetError(absl::string_view text) {
  return std::string(UnetConfig::From(Read(text)).status().message());
}
std::string VaeError(absl::string_view text) {
  return std::string(VaeConfig::From(Read(text)).status().message());
}
std::string ClipError(absl::string_view text) {
  return std::string(ClipTextConfig::From(Read(text)).status().message());
}

TEST(ConfigReader, GivesTheDefaultOfAKeyThatIsMissingOrNull) {
  ConfigReader reader = Read(R"({"a": null, "b": 3})");
  EXPECT_EQ(reader.Int("a", 7, {1, 10}), 7);
  EXPECT_EQ(reader.Int("b", 7, {1, 10}), 3);
  EXPECT_EQ(reader.Int("c", 7, {1, 10}), 7);
  EXPECT_TRUE(reader.IsNull("a"));
  EXPECT_FALSE(reader.IsNull("c"));
  EXPECT_TRUE(reader.status().ok());
}

TEST(ConfigReader, TellsAllMistakesAtOnceWithTheFile) {
  ConfigReader reader = Read(R"({"a": "x", "b": 1000000000, "c": true})");
  reader.Int("a", 1, {1, 10});
  reader.Int("b", 1, {1, 64});
  reader.Float("c", 1, 0, 1);
  EXPECT_EQ(reader.status().message(),
            "\"m/config.json\": \"a\" is \"x\"; expected an int in 1..10; \"b\" is 1000000000; "
            "expected an int in 1..64; \"c\" is true; expected a number in 0..1");
}

TEST(ConfigReader, TakesWholeFloatsForInts) {
  ConfigReader reader = Read(R"({"a": 2.0, "b": 2.5})");
  EXPECT_EQ(reader.Int("a", 1, {1, 10}), 2);
  EXPECT_TRUE(reader.status().ok());
  reader.Int("b", 1, {1, 10});
  EXPECT_THAT(reader.status().message(), HasSubstr("\"b\" is 2.5"));
}

TEST(ConfigReader, SpreadsOneValueOverAllLevels) {
  ConfigReader reader = Read(R"({"a": 2, "b": [1, 2, 3], "c": [1, [4, 5], 2], "d": [1, 2]})");
  EXPECT_THAT(reader.IntEach("a", 1, {1, 10}, 3), ElementsAre(2, 2, 2));
  EXPECT_THAT(reader.IntEach("b", 1, {1, 10}, 3), ElementsAre(1, 2, 3));
  EXPECT_THAT(reader.IntsEach("c", 1, {1, 10}, 3),
              ElementsAre(ElementsAre(1), ElementsAre(4, 5), ElementsAre(2)));
  EXPECT_TRUE(reader.status().ok());
  reader.IntEach("d", 1, {1, 10}, 3);
  EXPECT_THAT(reader.status().message(), HasSubstr("\"d\" is [1,2]; expected an int in 1..10, or "
                                                   "a list of 3"));
}

TEST(ConfigReader, RefusesWhatIsNotAnObject) {
  EXPECT_THAT(ConfigReader::Parse("[1]", "m/config.json").status().message(),
              HasSubstr("\"m/config.json\": expected a JSON object"));
  EXPECT_THAT(ConfigReader::Parse("{\"a\": ", "m/config.json").status().message(),
              HasSubstr("\"m/config.json\": line 1"));
}

TEST(UnetConfig, HasTheDefaultsOfDiffusers) {
  const UnetConfig config = UnetConfig::From(Read("{}")).value();
  EXPECT_EQ(config.in_channels, 4);
  EXPECT_EQ(config.down.size(), 4u);
  EXPECT_EQ(config.down[0].kind, UnetBlockConfig::Kind::kCrossAttention);
  EXPECT_EQ(config.down[3].kind, UnetBlockConfig::Kind::kPlain);
  EXPECT_EQ(config.up[0].kind, UnetBlockConfig::Kind::kPlain);
  EXPECT_EQ(config.down[1].channels, 640);
  EXPECT_EQ(config.down[1].heads, 8);
  EXPECT_EQ(config.up[0].resnets, 3);
  EXPECT_EQ(config.context_width, 1280);
  EXPECT_EQ(config.time_width, 1280);
  EXPECT_EQ(config.middle, UnetConfig::Middle::kCrossAttention);
}

TEST(UnetConfig, ReadsListsFromTheOutermostLevelInwards) {
  const UnetConfig config = UnetConfig::From(Read(R"({"block_out_channels": [32, 64],
          "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
          "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
          "attention_head_dim": [4, 8], "layers_per_block": [1, 3],
          "transformer_layers_per_block": [2, 5], "only_cross_attention": [false, true]})"))
                                .value();
  EXPECT_EQ(config.down[1].heads, 8);
  EXPECT_EQ(config.up[0].heads, 8);
  EXPECT_EQ(config.up[0].channels, 64);
  EXPECT_EQ(config.up[0].resnets, 4);
  EXPECT_EQ(config.up[1].resnets, 2);
  EXPECT_THAT(config.up[0].transformer_layers, ElementsAre(5));
  EXPECT_TRUE(config.up[0].only_cross_attention);
  EXPECT_FALSE(config.middle_block.only_cross_attention);
  EXPECT_EQ(config.middle_block.heads, 8);
}

TEST(UnetConfig, HasNoMiddleWhereTheConfigSaysNull) {
  EXPECT_EQ(UnetConfig::From(Read(R"({"mid_block_type": null})"))->middle,
            UnetConfig::Middle::kNone);
}

TEST(UnetConfig, NamesABlockTypeItDoesNotKnow) {
  EXPECT_THAT(UnetError(R"({"down_block_types": ["KDownBlock2D"]})"),
              HasSubstr("\"down_block_types\" is [\"KDownBlock2D\"]; expected a list of 1..12 of "
                        "DownBlock2D, AttnDownBlock2D, CrossAttnDownBlock2D"));
}

TEST(UnetConfig, RefusesAsManyLayersAsNobodyHas) {
  EXPECT_THAT(UnetError(R"({"layers_per_block": 1000000000})"),
              HasSubstr("\"layers_per_block\" is 1000000000; expected an int in 1..64"));
  EXPECT_THAT(UnetError(R"({"layers_per_block": 18446744073709551615})"),
              HasSubstr("\"layers_per_block\" is 18446744073709551615"));
}

TEST(UnetConfig, RefusesWidthsOfZeroAndLess) {
  EXPECT_THAT(UnetError(R"({"block_out_channels": [320, 0, 640, 640]})"),
              HasSubstr("\"block_out_channels\" is [320,0,640,640]"));
  EXPECT_THAT(UnetError(R"({"in_channels": -4})"), HasSubstr("\"in_channels\" is -4"));
}

TEST(UnetConfig, RefusesGroupsThatDoNotDivide) {
  EXPECT_THAT(UnetError(R"({"norm_num_groups": 48})"),
              HasSubstr("\"norm_num_groups\" is 48; expected a divisor of every width (320)"));
}

TEST(UnetConfig, RefusesListsOfDifferentLengths) {
  EXPECT_THAT(UnetError(R"({"block_out_channels": [64, 128]})"),
              HasSubstr("\"down_block_types\" is missing; expected 2 types, as block_out_channels "
                        "has widths"));
}

TEST(UnetConfig, RefusesWhatWouldGiveAnotherPicture) {
  EXPECT_THAT(UnetError(R"({"resnet_time_scale_shift": "scale_shift"})"),
              HasSubstr("\"resnet_time_scale_shift\" is \"scale_shift\"; expected \"default\""));
  EXPECT_THAT(UnetError(R"({"class_embed_type": "projection"})"),
              HasSubstr("\"class_embed_type\" is \"projection\"; expected one of timestep"));
  EXPECT_THAT(UnetError(R"({"dual_cross_attention": true})"), HasSubstr("dual_cross_attention"));
  EXPECT_THAT(UnetError(R"({"_class_name": "UNet3DConditionModel"})"),
              HasSubstr("\"_class_name\" is \"UNet3DConditionModel\"; expected one of "
                        "UNet2DConditionModel, UNet2DModel"));
  EXPECT_EQ(UnetError(R"({"mid_block_scale_factor": 1.0, "dropout": 0.1})"), "");
}

TEST(UnetConfig, HasTheDefaultsOfUnet2dModel) {
  const UnetConfig config =
      UnetConfig::From(Read(R"({"_class_name": "UNet2DModel", "attention_head_dim": null})"))
          .value();
  EXPECT_EQ(config.in_channels, 3);
  EXPECT_EQ(config.context_width, 0);
  EXPECT_EQ(config.down[1].kind, UnetBlockConfig::Kind::kSelfAttention);
  EXPECT_EQ(config.down[1].heads, 1);
  EXPECT_EQ(config.middle, UnetConfig::Middle::kSelfAttention);
  EXPECT_THAT(UnetError(R"({"_class_name": "UNet2DModel", "time_embedding_type": "fourier"})"),
              HasSubstr("time_embedding_type"));
  EXPECT_THAT(UnetError(R"({"_class_name": "UNet2DModel",
                            "down_block_types": ["CrossAttnDownBlock2D"]})"),
              HasSubstr("of DownBlock2D, AttnDownBlock2D"));
}

TEST(VaeConfig, HasTheDefaultsOfDiffusers) {
  const VaeConfig config = VaeConfig::From(Read("{}")).value();
  EXPECT_EQ(config.scale(), 1);
  EXPECT_EQ(config.latent_channels, 4);
  EXPECT_DOUBLE_EQ(config.scaling, 0.18215);
  EXPECT_TRUE(config.quant_conv);
}

TEST(VaeConfig, NamesWhatDoesNotFit) {
  EXPECT_THAT(VaeError(R"({"block_out_channels": [64, 128]})"),
              HasSubstr("\"down_block_types\" is missing; expected 2, as block_out_channels has"));
  EXPECT_THAT(VaeError(R"({"scaling_factor": 0})"), HasSubstr("\"scaling_factor\" is 0"));
  EXPECT_THAT(VaeError(R"({"_class_name": "VQModel"})"),
              HasSubstr("\"_class_name\" is \"VQModel\"; expected one of AutoencoderKL"));
  EXPECT_THAT(VaeError(R"({"latents_mean": [0.1]})"),
              HasSubstr("\"latents_mean\" is [0.1]; expected 4 numbers, as latent_channels says"));
  EXPECT_THAT(VaeError(R"({"latents_std": [1, 1, 0, 1]})"),
              HasSubstr("\"latents_std\" is [1,1,0,1]; expected a list of 1..1024 numbers"));
}

TEST(VaeConfig, HasTheDefaultsOfAutoencoderTiny) {
  const VaeConfig config = VaeConfig::From(Read(R"({"_class_name": "AutoencoderTiny"})")).value();
  ASSERT_TRUE(config.tiny.has_value());
  EXPECT_EQ(config.scale(), 8);
  EXPECT_EQ(config.tiny->encoder_width, 64);
  EXPECT_THAT(config.tiny->encoder_blocks, ::testing::ElementsAre(1, 3, 3, 3));
  EXPECT_DOUBLE_EQ(config.scaling, 1.0);
  EXPECT_FALSE(config.draws());
}

TEST(VaeConfig, NamesWhatDoesNotFitInAutoencoderTiny) {
  const std::string tiny = R"({"_class_name": "AutoencoderTiny", )";
  EXPECT_THAT(
      VaeError(tiny + R"("encoder_block_out_channels": [64, 64, 32, 64]})"),
      HasSubstr("\"encoder_block_out_channels\" is [64,64,32,64]; expected 4 equal widths"));
  EXPECT_THAT(VaeError(tiny + R"("num_decoder_blocks": [3, 1]})"),
              HasSubstr("expected 4, as num_encoder_blocks has"));
  EXPECT_THAT(VaeError(tiny + R"("upsampling_scaling_factor": 3})"),
              HasSubstr("\"upsampling_scaling_factor\" is 3; expected 2"));
}

TEST(ClipTextConfig, HasTheDefaultsOfTransformers) {
  const ClipTextConfig config = ClipTextConfig::From(Read("{}")).value();
  EXPECT_EQ(config.width, 512);
  EXPECT_EQ(config.positions, 77);
  EXPECT_EQ(config.activation, Activation::kQuickGelu);
  EXPECT_EQ(config.projection_width, 0);
}

TEST(ClipTextConfig, NamesWhatDoesNotFit) {
  EXPECT_THAT(ClipError(R"({"num_attention_heads": 7})"),
              HasSubstr("\"num_attention_heads\" is 7; expected a divisor of hidden_size 512"));
  EXPECT_THAT(ClipError(R"({"hidden_act": "mish"})"),
              HasSubstr("\"hidden_act\" is \"mish\"; expected one of silu, swish, gelu"));
  EXPECT_THAT(ClipError(R"({"architectures": ["T5EncoderModel"]})"),
              HasSubstr("\"architectures\" is [\"T5EncoderModel\"]"));
  EXPECT_THAT(ClipError(R"({"num_hidden_layers": 1e9})"), HasSubstr("\"num_hidden_layers\""));
}

}  // namespace
}  // namespace weft
