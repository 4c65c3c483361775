#include "nodes/adapters/lora_names.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "nodes/adapters/lora_config.h"
#include "nodes/adapters/model_modules.h"
#include "nodes/models/layouts.h"

namespace weft {
namespace {

struct Spelling {
  const char* tensor;
  LoraDialect dialect;
  LoraPart part;
  const char* module;
  Factor factor;
};

TEST(LoraNames, EachDialectComesToTheSameModules) {
  const Spelling spellings[] = {
      {"lora_unet_mid_block_attentions_0_proj_in.lora_down.weight", LoraDialect::kKohya,
       LoraPart::kUnet, "mid_block_attentions_0_proj_in", Factor::kDown},
      {"lora_te2_text_model_encoder_layers_3_mlp_fc1.alpha", LoraDialect::kKohya, LoraPart::kClip2,
       "encoder_layers_3_mlp_fc1", Factor::kAlpha},
      {"unet.mid_block.attentions.0.transformer_blocks.0.attn1.processor.to_out_lora.up.weight",
       LoraDialect::kDiffusers, LoraPart::kUnet,
       "mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0", Factor::kUp},
      {"down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.down.weight",
       LoraDialect::kDiffusers, LoraPart::kUnet,
       "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k", Factor::kDown},
      {"text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora.up.weight",
       LoraDialect::kDiffusers, LoraPart::kClip, "encoder.layers.0.self_attn.q_proj", Factor::kUp},
      {"text_encoder_2.text_model.encoder.layers.0.self_attn.q_proj.lora_linear_layer.up.weight",
       LoraDialect::kDiffusers, LoraPart::kClip2, "encoder.layers.0.self_attn.q_proj", Factor::kUp},
      {"base_model.model.mid_block.resnets.0.conv1.lora_B.weight", LoraDialect::kPeft,
       LoraPart::kUnet, "mid_block.resnets.0.conv1", Factor::kUp},
      {"base_model.model.text_model.encoder.layers.1.mlp.fc1.hada_w1_a", LoraDialect::kPeft,
       LoraPart::kClip, "encoder.layers.1.mlp.fc1", Factor::kHadaW1A},
      {"unet.conv_in.lora_magnitude_vector", LoraDialect::kDiffusers, LoraPart::kUnet, "conv_in",
       Factor::kRowLengths},
      {"diffusion_model.input_blocks.1.1.proj_in.lora_up.weight", LoraDialect::kKohya,
       LoraPart::kUnet, "input_blocks_1_1_proj_in", Factor::kUp}};
  for (const Spelling& spelling : spellings) {
    const auto factor = ParseFactorName(spelling.tensor);
    ASSERT_TRUE(factor.has_value()) << spelling.tensor;
    EXPECT_EQ(factor->factor, spelling.factor) << spelling.tensor;
    const ModuleName module = ParseModuleName(factor->module);
    EXPECT_EQ(module.dialect, spelling.dialect) << spelling.tensor;
    EXPECT_EQ(module.part, spelling.part) << spelling.tensor;
    EXPECT_EQ(module.name, spelling.module);
  }
}

TEST(LoraNames, OtherTensorsAreOfNoDialect) {
  for (const char* name : {"conv_in.weight", "lora_up.weight", "emb_params", "alpha"}) {
    EXPECT_FALSE(ParseFactorName(name).has_value()) << name;
  }
}

TEST(ModelModules, FindsAUnetsModulesByTheirNamesInTheOriginal) {
  NamedWeights weights;
  for (const char* name : {"down_blocks.0.resnets.0.norm1", "down_blocks.0.downsamplers.0.conv",
                           "down_blocks.1.resnets.0.norm1", "down_blocks.1.attentions.0.proj_in"}) {
    weights.emplace(absl::StrCat(name, ".weight"), Weight());
  }
  const ModelModules modules(*WeightStore::OfWeights("unet", weights), LoraPart::kUnet);
  const auto find = [&](const std::string& name) {
    ModuleName module;
    module.name = name;
    module.underscored = true;
    return modules.Find(module);
  };
  EXPECT_EQ(find("input_blocks_3_1_proj_in"), "down_blocks.1.attentions.0.proj_in");
  EXPECT_EQ(find("down_blocks_1_attentions_0_proj_in"), "down_blocks.1.attentions.0.proj_in");
  EXPECT_EQ(find("input_blocks_2_0_op"), "down_blocks.0.downsamplers.0.conv");
  EXPECT_EQ(find("input_blocks_2_1_proj_in"), "");
}

TEST(LoraConfig, ScalesByTheModulesOwnAlphaAndRank) {
  const auto config = LoraConfig::Parse(
      R"({"r": 4, "lora_alpha": 8, "use_rslora": true, "alpha_pattern": {"to_k": 6}})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_DOUBLE_EQ(config->ScaleOf("mid.to_q", 4), 4.0);
  EXPECT_DOUBLE_EQ(config->ScaleOf("mid.to_k", 4), 3.0);
  EXPECT_DOUBLE_EQ(config->ScaleOf("mid.not_to_k", 0), 4.0);
  EXPECT_FALSE(LoraConfig::Parse(R"({"lora_alpha": "8"})").ok());
}

}  // namespace
}  // namespace weft
