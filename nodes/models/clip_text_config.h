#ifndef WEFT_NODES_MODELS_CLIP_TEXT_CONFIG_H_
#define WEFT_NODES_MODELS_CLIP_TEXT_CONFIG_H_

#include <optional>

#include "nodes/models/config_reader.h"

namespace weft {

// What a model's own tokenizer puts around a text: by it, tokens of another model's are told.
struct TextIds {
  int32_t begin = 0;
  int32_t end = 0;
  int32_t pad = 0;
};

// transformers' CLIPTextConfig.
struct ClipTextConfig {
  int64_t vocabulary = 0;    // rows of the table, learned words among them
  int64_t learned_rows = 0;  // of them, in a table of their own behind the others
  int64_t width = 0;
  int64_t inner_width = 0;  // of the feed-forward
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t positions = 0;  // the most tokens of one chunk
  Activation activation = Activation::kQuickGelu;
  double eps = 1e-5;
  int64_t end_token = 0;
  int64_t projection_width = 0;    // of the pooled text; 0: no projection
  std::optional<TextIds> own_ids;  // where the tokenizer of its model is known

  static absl::StatusOr<ClipTextConfig> From(ConfigReader reader);
};

}  // namespace weft

#endif  // WEFT_NODES_MODELS_CLIP_TEXT_CONFIG_H_
