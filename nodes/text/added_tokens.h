#ifndef WEFT_NODES_TEXT_ADDED_TOKENS_H_
#define WEFT_NODES_TEXT_ADDED_TOKENS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace weft {

// A token that is found in the text before it is cut into words, such as "<|endoftext|>".
struct AddedToken {
  std::string content;
  bool single_word = false;  // only where no word goes on before or behind it
  bool lstrip = false;       // takes the white space before it along
  bool rstrip = false;       // and that behind it
  bool normalized = false;   // looked for in the normalized text, not in the raw one
  int32_t id = 0;
  int32_t count = 1;  // ids that it stands for, from `id` on: a learned word of several vectors
};

// Finds tokens in a text: the leftmost, and of several that begin there the longest.
class AddedTokens {
 public:
  AddedTokens() : AddedTokens(std::vector<AddedToken>()) {}
  explicit AddedTokens(std::vector<AddedToken> tokens);

  const std::vector<AddedToken>& tokens() const { return tokens_; }

  // Hands over all of `text` piece by piece: what lies between tokens to `on_text`, and tokens to
  // `on_token`. Linear in the text times the longest token.
  void Split(absl::string_view text, absl::FunctionRef<void(absl::string_view)> on_text,
             absl::FunctionRef<void(const AddedToken&)> on_token) const;

 private:
  // The longest token that begins at `text`'s start, or null.
  const AddedToken* LongestAt(absl::string_view text) const;

  std::vector<AddedToken> tokens_;
  absl::flat_hash_map<std::pair<int32_t, uint8_t>, int32_t> edges_;  // of a trie; its root is 0
  std::vector<int32_t> token_at_;                                    // by trie node; -1: none
};

}  // namespace weft

#endif  // WEFT_NODES_TEXT_ADDED_TOKENS_H_
