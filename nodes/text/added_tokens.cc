#include "nodes/text/added_tokens.h"

#include <algorithm>

#include "nodes/text/unicode.h"

namespace weft {
namespace {

// Where the code point that ends before `offset` begins.
size_t PreviousCodePoint(absl::string_view text, size_t offset) {
  do {
    --offset;
  } while (offset > 0 && (static_cast<uint8_t>(text[offset]) & 0xC0) == 0x80);
  return offset;
}

bool EndsInsideWord(absl::string_view text) {
  if (text.empty()) return false;
  size_t offset = PreviousCodePoint(text, text.size());
  return IsWordPart(NextCodePoint(text, &offset));
}

bool BeginsInsideWord(absl::string_view text) {
  size_t offset = 0;
  return !text.empty() && IsWordPart(NextCodePoint(text, &offset));
}

// Where the white space that ends before `end` begins, but not before `begin`.
size_t SpaceBefore(absl::string_view text, size_t begin, size_t end) {
  while (end > begin) {
    const size_t previous = PreviousCodePoint(text, end);
    size_t offset = previous;
    if (!IsSpace(NextCodePoint(text, &offset))) break;
    end = previous;
  }
  return end;
}

size_t SpaceBehind(absl::string_view text, size_t begin) {
  while (begin < text.size()) {
    size_t next = begin;
    if (!IsSpace(NextCodePoint(text, &next))) break;
    begin = next;
  }
  return begin;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  token_at_.push_back(-1);
  for (size_t i = 0; i < tokens_.size(); ++i) {
    if (tokens_[i].normalized) tokens_[i].content = NormalizeText(tokens_[i].content);
    if (tokens_[i].content.empty()) continue;
    int32_t node = 0;
    for (char c : tokens_[i].content) {
      const auto [edge, is_new] = edges_.try_emplace(std::pair(node, static_cast<uint8_t>(c)),
                                                     static_cast<int32_t>(token_at_.size()));
      if (is_new) token_at_.push_back(-1);
      node = edge->second;
    }
    token_at_[static_cast<size_t>(node)] = static_cast<int32_t>(i);
  }
}

const AddedToken* AddedTokens::LongestAt(absl::string_view text) const {
  int32_t longest = -1;
  int32_t node = 0;
  for (char c : text) {
    const auto edge = edges_.find(std::pair(node, static_cast<uint8_t>(c)));
    if (edge == edges_.end()) break;
    node = edge->second;
    const int32_t token = token_at_[static_cast<size_t>(node)];
    if (token >= 0) longest = token;
  }
  return longest >= 0 ? &tokens_[static_cast<size_t>(longest)] : nullptr;
}

void AddedTokens::Split(absl::string_view text, absl::FunctionRef<void(absl::string_view)> on_text,
                        absl::FunctionRef<void(const AddedToken&)> on_token) const {
  size_t done = 0;  // all before it has been handed over
  for (size_t i = 0; i < text.size();) {
    const AddedToken* token = LongestAt(text.substr(i));
    if (token == nullptr) {
      ++i;
      continue;
    }
    size_t begin = i;
    size_t end = i + token->content.size();
    i = end;
    if (token->single_word &&
        (EndsInsideWord(text.substr(0, begin)) || BeginsInsideWord(text.substr(end)))) {
      continue;
    }
    // Space taken along by the token before may reach past the beginning of this one.
    if (token->lstrip) begin = SpaceBefore(text, std::min(done, begin), begin);
    if (token->rstrip) end = SpaceBehind(text, end);
    if (done < begin) on_text(text.substr(done, begin - done));
    on_token(*token);
    done = std::max(done, end);
  }
  if (done < text.size()) on_text(text.substr(done));
}

}  // namespace weft
