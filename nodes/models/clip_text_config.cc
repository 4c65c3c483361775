#include "nodes/models/clip_text_config.h"

#include "runtime/base/status_macros.h"

namespace weft {

absl::StatusOr<ClipTextConfig> ClipTextConfig::From(ConfigReader reader) {
  ClipTextConfig config;
  config.vocabulary = reader.Int("vocab_size", 49408, {1, 10'000'000});
  config.width = reader.Int("hidden_size", 512, {1, 65536});
  config.inner_width = reader.Int("intermediate_size", 2048, {1, 1 << 20});
  config.layers = reader.Int("num_hidden_layers", 12, {1, 256});
  config.heads = reader.Int("num_attention_heads", 8, {1, 1024});
  config.positions = reader.Int("max_position_embeddings", 77, {1, 65536});
  config.activation = reader.ActivationOf("hidden_act", "quick_gelu");
  config.eps = reader.Float("layer_norm_eps", 1e-5, 0, 1);
  config.end_token = reader.Int("eos_token_id", 49407, {0, 10'000'000});
  const std::vector<std::string> architectures = reader.Choices(
      "architectures", {"CLIPTextModel"}, {"CLIPTextModel", "CLIPTextModelWithProjection"}, 1);
  if (architectures[0] == "CLIPTextModelWithProjection") {
    config.projection_width = reader.Int("projection_dim", 512, {1, 65536});
  }
  if (config.width % config.heads != 0) {
    reader.Reject("num_attention_heads", absl::StrCat("a divisor of hidden_size ", config.width));
  }
  WEFT_RETURN_IF_ERROR(reader.status());
  return config;
}

}  // namespace weft
