#ifndef WEFT_NODES_MODELS_CLIP_TEXT_H_
#define WEFT_NODES_MODELS_CLIP_TEXT_H_

#include <optional>
#include <vector>

#include "nodes/layers/attention.h"
#include "nodes/layers/feed_forward.h"
#include "nodes/layers/norm.h"
#include "nodes/models/clip_text_config.h"

namespace weft {

// CLIP's text encoder (Radford et al. 2021): transformers' CLIPTextModel and
// CLIPTextModelWithProjection.
class ClipText {
 public:
  struct Output {
    Tensor hidden;  // [b, n, width]
    Tensor pooled;  // [b, projection width, or width], or empty
  };
  struct Options {
    int64_t skip = 0;        // leave out so many of the last layers
    bool final_norm = true;  // normalise the hidden states
    bool pooled = false;     // run all layers and take the state at the end of the text
  };

  ClipText(const Scope& scope, const ClipTextConfig& config);
  const ClipTextConfig& config() const { return config_; }

  // ids [b, n] i32, n up to config().positions. The result is in the compute type.
  Output operator()(Ops& ops, const Tensor& ids, const Options& options) const;

 private:
  struct Layer {
    Layer(const Scope& scope, const ClipTextConfig& config);
    Tensor operator()(Ops& ops, Tensor x) const;  // [b, n, width]

    LayerNorm norm1;
    SelfAttention attention;
    LayerNorm norm2;
    FeedForward mlp;
  };

  Tensor Pool(Ops& ops, const Tensor& hidden, const Tensor& ids) const;

  ClipTextConfig config_;
  std::vector<Weight> token_embedding_;  // [vocabulary, width]: its own, and learned words'
  Weight position_embedding_;            // [positions, width]
  std::vector<Layer> layers_;
  LayerNorm final_norm_;
  std::optional<Linear> projection_;
};

// Rows for learned words (textual inversion) lie in a store under this name.
inline constexpr absl::string_view kLearnedEmbedding = "learned_embedding.weight";

// Where the text of one chunk ends: the first end token; or the greatest id, for configs that say
// 2 (what transformers wrote before it knew better); or 0 if there is none.
int64_t EndOfText(absl::Span<const int32_t> ids, int64_t end_token);

// An error that names the place of the first id outside 0 … vocabulary - 1.
absl::Status CheckTokenIds(const Tensor& ids, int64_t vocabulary);
// An error where the texts, [b, n] i32, begin or are filled up otherwise than `own` has it.
absl::Status CheckTextIds(const Tensor& ids, const TextIds& own);

}  // namespace weft

#endif  // WEFT_NODES_MODELS_CLIP_TEXT_H_
