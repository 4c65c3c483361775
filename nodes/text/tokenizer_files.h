#ifndef WEFT_NODES_TEXT_TOKENIZER_FILES_H_
#define WEFT_NODES_TEXT_TOKENIZER_FILES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nodes/text/added_tokens.h"
#include "nodes/text/byte_pair_encoding.h"

namespace weft {

// What the files of a tokenizer folder say, checked and with all defaults filled in.
struct TokenizerFiles {
  Vocabulary vocabulary;  // added tokens too
  Merges merges;
  std::string merges_file;  // where the merges come from, for messages
  std::vector<AddedToken> added_tokens;
  std::string begin = "<|startoftext|>";
  std::string end = "<|endoftext|>";
  std::string pad = "<|endoftext|>";
  std::string unknown = "<|endoftext|>";
  int64_t max_length = 77;
  std::vector<std::string> known_words;  // of known_words.json; empty where there is none
};

// Reads tokenizer.json, or vocab.json and merges.txt where there is none; then, where they are
// there, tokenizer_config.json, special_tokens_map.json, added_tokens.json and known_words.json.
// Errors name the file.
absl::StatusOr<TokenizerFiles> ReadTokenizerFiles(absl::string_view folder);

}  // namespace weft

#endif  // WEFT_NODES_TEXT_TOKENIZER_FILES_H_
