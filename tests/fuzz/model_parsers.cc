// LoRAs, learned words and single-file checkpoints: what the names and shapes of tensors make.

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nodes/adapters/lora.h"
#include "nodes/models/checkpoint.h"
#include "nodes/models/clip_text_config.h"
#include "nodes/models/unet_config.h"
#include "nodes/models/vae_config.h"
#include "nodes/text/text_embedding.h"
#include "tests/fuzz/parsers.h"
#include "tests/runtime/base/scratch_folder.h"
#include "tests/runtime/weights/file_bytes.h"

namespace weft {
namespace {

using NamedShapes = std::vector<std::pair<std::string, std::vector<int64_t>>>;

// A safetensors file of such tensors, all zeros in f16.
std::string FileOf(const NamedShapes& tensors, const std::string& metadata = "{}") {
  std::string header = absl::StrCat("{\"__metadata__\": ", metadata);
  size_t end = 0;
  for (const auto& [name, shape] : tensors) {
    size_t bytes = sizeof(uint16_t);
    for (const int64_t extent : shape) bytes *= static_cast<size_t>(extent);
    absl::StrAppend(&header, ", \"", name, R"(": {"dtype": "F16", "shape": [)",
                    absl::StrJoin(shape, ", "), R"(], "data_offsets": [)", end, ", ", end + bytes,
                    "]}");
    end += bytes;
  }
  return SafetensorsBytes(header + "}", std::string(end, '\0'));
}

bool ReadLora(absl::string_view bytes) {
  const ScratchFolder folder;
  const auto lora = Lora::Open(folder.Put("lora", std::string(bytes)), std::nullopt);
  if (!lora.ok()) return false;
  bool fits = false;
  for (const LoraModule& module : (*lora)->modules()) {
    for (const auto& adapter : {module.weight, module.bias}) {
      if (adapter == nullptr) continue;
      for (const Shape& shape : {Shape{6, 4}, Shape{6, 4, 3, 3}, Shape{6}}) {
        fits = CheckAdapter(*adapter, shape).ok() || fits;
      }
    }
  }
  return fits && !(*lora)->Description().empty();
}

std::vector<std::string> LoraSeeds() {
  const std::string kohya = "lora_unet_mid_block_attentions_0_proj_in.";
  const std::string text = "lora_te_text_model_encoder_layers_0_mlp_fc1.";
  const std::string unet = "unet.mid_block.attentions.0.proj_in.";
  const std::string peft = "base_model.model.mid_block.attentions.0.proj_in.";
  return {
      FileOf({{kohya + "lora_down.weight", {2, 4}},
              {kohya + "lora_up.weight", {6, 2}},
              {kohya + "alpha", {}},
              {kohya + "dora_scale", {6, 1}},
              {text + "lora_down.weight", {2, 4, 3, 3}},
              {text + "lora_up.weight", {6, 2, 1, 1}},
              {text + "diff_b", {6}}}),
      FileOf({{kohya + "lora_down.weight", {2, 4, 1, 1}},
              {kohya + "lora_mid.weight", {2, 2, 3, 3}},
              {kohya + "lora_up.weight", {6, 2, 1, 1}},
              {text + "diff", {6, 4}}}),
      FileOf({{kohya + "hada_w1_a", {6, 2}},
              {kohya + "hada_w1_b", {2, 4}},
              {kohya + "hada_w2_a", {6, 2}},
              {kohya + "hada_w2_b", {2, 4}},
              {text + "lokr_w1", {2, 2}},
              {text + "lokr_w2_a", {3, 1}},
              {text + "lokr_w2_b", {1, 2}}}),
      FileOf(
          {{unet + "lora_A.weight", {2, 4}}, {unet + "lora_B.weight", {6, 2}}},
          R"({"lora_adapter_metadata": "{\"unet.lora_alpha\": 2, \"unet.r\": 2, \"unet.alpha_pattern\": {\"proj_in\": 1}}"})"),
      FileOf({{peft + "lora_A.weight", {2, 4}},
              {peft + "lora_B.weight", {6, 2}},
              {peft + "lora_magnitude_vector", {6}}}),
  };
}

bool ReadEmbedding(absl::string_view bytes) {
  const ScratchFolder folder;
  const auto embedding = TextEmbedding::Open(folder.Put("word", std::string(bytes)));
  if (!embedding.ok()) return false;
  for (const Weight& rows : {(*embedding)->rows(), (*embedding)->rows_2()}) {
    if (!rows.empty() && !rows.Read().ok()) return false;
  }
  return true;
}

std::vector<std::string> EmbeddingSeeds() {
  return {FileOf({{"emb_params", {3, 8}}}), FileOf({{"<word>", {8}}}),
          FileOf({{"clip_l", {2, 8}}, {"clip_g", {2, 12}}}, R"({"name": "word"})")};
}

// These few tensors make no whole network, so what comes of its configuration says nothing.
void ReadConfigOf(const PartSource& part) {
  const auto config = ConfigReader::Parse(part.config, part.config_name);
  if (!config.ok()) return;
  (void)UnetConfig::From(*config);
  (void)VaeConfig::From(*config);
  (void)ClipTextConfig::From(*config);
}

bool ReadCheckpoint(absl::string_view bytes) {
  const ScratchFolder folder;
  const auto checkpoint = OpenCheckpoint(folder.Put("model", std::string(bytes)));
  if (!checkpoint.ok()) return false;
  bool ok = checkpoint->unused.empty();
  for (const auto& [name, part] : checkpoint->parts) {
    ReadConfigOf(part);
    for (const auto& [tensor, weight] : part.store->weights()) ok = weight.Read().ok() && ok;
  }
  return ok;
}

std::vector<std::string> CheckpointSeeds() {
  const std::string unet = "model.diffusion_model.";
  const std::string transformer = unet + "input_blocks.1.1.transformer_blocks.0.";
  const std::string vae = "first_stage_model.";
  const std::string clip = "cond_stage_model.transformer.text_model.";
  const std::string open_clip = "cond_stage_model.model.";
  const NamedShapes networks = {
      {unet + "input_blocks.0.0.weight", {32, 4, 3, 3}},
      {unet + "input_blocks.0.0.bias", {32}},
      {unet + "input_blocks.1.0.in_layers.0.weight", {32}},
      {unet + "input_blocks.1.0.emb_layers.1.weight", {32, 8}},
      {unet + "input_blocks.1.1.proj_in.weight", {32, 32, 1, 1}},
      {transformer + "attn1.to_q.weight", {32, 32}},
      {transformer + "attn2.to_k.weight", {32, 8}},
      {unet + "time_embed.0.weight", {8, 32}},
      {unet + "middle_block.0.in_layers.0.weight", {32}},
      {unet + "output_blocks.0.0.skip_connection.weight", {32, 64, 1, 1}},
      {unet + "out.2.weight", {4, 32, 3, 3}},
      {vae + "encoder.conv_in.weight", {8, 3, 3, 3}},
      {vae + "encoder.down.0.block.0.conv1.weight", {8, 8, 3, 3}},
      {vae + "encoder.mid.attn_1.q.weight", {8, 8, 1, 1}},
      {vae + "decoder.up.0.block.0.conv1.weight", {8, 8, 3, 3}},
      {vae + "decoder.conv_in.weight", {8, 4, 3, 3}},
      {vae + "quant_conv.weight", {8, 8, 1, 1}},
      {vae + "post_quant_conv.weight", {4, 4, 1, 1}},
  };
  NamedShapes first = networks;
  first.insert(first.end(), {{clip + "embeddings.token_embedding.weight", {16, 8}},
                             {clip + "embeddings.position_embedding.weight", {7, 8}},
                             {clip + "encoder.layers.0.self_attn.q_proj.weight", {8, 8}},
                             {clip + "encoder.layers.0.mlp.fc1.weight", {32, 8}},
                             {clip + "final_layer_norm.weight", {8}}});
  NamedShapes second = networks;
  second.insert(second.end(), {{open_clip + "token_embedding.weight", {16, 8}},
                               {open_clip + "positional_embedding", {7, 8}},
                               {open_clip + "transformer.resblocks.0.attn.in_proj_weight", {24, 8}},
                               {open_clip + "transformer.resblocks.0.attn.in_proj_bias", {24}},
                               {open_clip + "transformer.resblocks.0.mlp.c_fc.weight", {32, 8}},
                               {open_clip + "ln_final.weight", {8}},
                               {open_clip + "text_projection", {8, 8}},
                               {"global_step", {}}});
  return {FileOf(first), FileOf(second)};
}

}  // namespace

std::vector<Parser> ModelParsers() {
  return {{"lora", ReadLora, LoraSeeds, ForValues},
          {"embedding", ReadEmbedding, EmbeddingSeeds, ForValues},
          {"checkpoint", ReadCheckpoint, CheckpointSeeds, ForValues}};
}

}  // namespace weft
