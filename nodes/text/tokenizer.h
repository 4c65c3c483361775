#ifndef WEFT_NODES_TEXT_TOKENIZER_H_
#define WEFT_NODES_TEXT_TOKENIZER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "nodes/text/added_tokens.h"
#include "nodes/text/byte_pair_encoding.h"
#include "runtime/graph/value.h"

namespace weft {

struct TokenizerFiles;

// CLIP's byte-level BPE tokenizer: the same ids as transformers' (fast) CLIPTokenizer.
class Tokenizer : public Object {
 public:
  static constexpr absl::string_view kTypeName = "tokenizer";

  // A text as ids, without the begin and end tokens.
  struct Encoded {
    std::vector<int32_t> ids;
    std::vector<size_t> word_ends;   // for each word, the number of ids up to its end
    std::vector<std::string> words;  // in normalized form: lower case, composed
  };

  // Of a tokenizer folder in diffusers layout (see tokenizer_files.h). Errors name the file.
  static absl::StatusOr<std::shared_ptr<const Tokenizer>> Load(absl::string_view folder);

  // Of files that were read or made elsewhere.
  static absl::StatusOr<std::shared_ptr<const Tokenizer>> Of(TokenizerFiles files);

  // Error: `text` is not UTF-8.
  absl::StatusOr<Encoded> Encode(absl::string_view text) const;
  // The text that the ids stand for, as near as it can be had.
  std::string Decode(absl::Span<const int32_t> ids) const;

  int32_t begin_id() const { return begin_id_; }
  int32_t end_id() const { return end_id_; }
  int32_t pad_id() const { return pad_id_; }
  int64_t max_length() const { return max_length_; }  // ids, begin and end among them
  // The words that the model was trained on, where its maker has listed them; else empty.
  const std::vector<std::string>& known_words() const { return known_words_; }
  // Those of `encoded`'s words that are not among them, each once; punctuation does not count.
  std::vector<std::string> UnknownWords(const Encoded& encoded) const;

  absl::string_view type_name() const override { return kTypeName; }
  Traits traits() const override { return {{"max_length", max_length_}}; }

 private:
  Tokenizer(TokenizerFiles files, BytePairEncoding encoding);

  BytePairEncoding encoding_;
  AddedTokens raw_tokens_;           // looked for before the text is normalized
  AddedTokens normalized_tokens_;    // and after
  std::vector<std::string> tokens_;  // by id
  int32_t begin_id_;
  int32_t end_id_;
  int32_t pad_id_;
  int64_t max_length_;
  std::vector<std::string> known_words_;
  absl::flat_hash_set<std::string> is_known_;
};

}  // namespace weft

#endif  // WEFT_NODES_TEXT_TOKENIZER_H_
