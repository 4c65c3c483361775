#ifndef WEFT_NODES_TEXT_TEXT_EMBEDDING_H_
#define WEFT_NODES_TEXT_TEXT_EMBEDDING_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/graph/value.h"
#include "runtime/weights/weight.h"

namespace weft {

// A learned word (textual inversion, Gal et al. 2022): rows for the table of a text encoder, or of
// SDXL's two.
class TextEmbedding : public Object {
 public:
  static constexpr absl::string_view kTypeName = "embedding";

  // A weight file in one of these forms: "string_to_param" with one tensor (the original's, as a
  // pickle), "emb_params" (automatic1111's), {token: tensor} (diffusers'), or "clip_l" and
  // "clip_g" (SDXL's).
  static absl::StatusOr<std::shared_ptr<const TextEmbedding>> Open(const std::string& path);

  const std::string& path() const { return path_; }
  const std::string& token() const { return token_; }  // the file's own name for it, or its stem
  const Weight& rows() const { return rows_; }         // [vectors, width] or [width]
  const Weight& rows_2() const { return rows_2_; }     // of SDXL's second encoder, or empty

  absl::string_view type_name() const override { return kTypeName; }

 private:
  TextEmbedding() = default;

  std::string path_;
  std::string token_;
  Weight rows_;
  Weight rows_2_;
};

}  // namespace weft

#endif  // WEFT_NODES_TEXT_TEXT_EMBEDDING_H_
