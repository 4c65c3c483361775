#include "nodes/text/tokenizer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "nodes/text/tokenizer_files.h"
#include "nodes/text/unicode.h"
#include "nodes/text/words.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

AddedTokens Select(const std::vector<AddedToken>& tokens, bool normalized) {
  std::vector<AddedToken> selected;
  std::copy_if(tokens.begin(), tokens.end(), std::back_inserter(selected),
               [=](const AddedToken& token) { return token.normalized == normalized; });
  return AddedTokens(std::move(selected));
}

std::vector<std::string> ById(const Vocabulary& vocabulary) {
  std::vector<std::string> tokens;
  for (const auto& [token, id] : vocabulary) {
    const auto index = static_cast<size_t>(id);
    if (index >= tokens.size()) tokens.resize(index + 1);
    tokens[index] = token;
  }
  return tokens;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Tokenizer>> Tokenizer::Load(absl::string_view folder) {
  WEFT_ASSIGN_OR_RETURN(TokenizerFiles files, ReadTokenizerFiles(folder));
  return Of(std::move(files));
}

absl::StatusOr<std::shared_ptr<const Tokenizer>> Tokenizer::Of(TokenizerFiles files) {
  absl::StatusOr<BytePairEncoding> encoding =
      BytePairEncoding::Create(files.vocabulary, files.merges, files.unknown);
  if (!encoding.ok()) return Annotate(encoding.status(), files.merges_file);
  return std::shared_ptr<const Tokenizer>(new Tokenizer(std::move(files), *std::move(encoding)));
}

Tokenizer::Tokenizer(TokenizerFiles files, BytePairEncoding encoding)
    : encoding_(std::move(encoding)),
      raw_tokens_(Select(files.added_tokens, false)),
      normalized_tokens_(Select(files.added_tokens, true)),
      tokens_(ById(files.vocabulary)),
      begin_id_(files.vocabulary.at(files.begin)),
      end_id_(files.vocabulary.at(files.end)),
      pad_id_(files.vocabulary.at(files.pad)),
      max_length_(files.max_length),
      known_words_(std::move(files.known_words)),
      is_known_(known_words_.begin(), known_words_.end()) {}

absl::StatusOr<Tokenizer::Encoded> Tokenizer::Encode(absl::string_view text) const {
  WEFT_RETURN_IF_ERROR(CheckUtf8(text));
  Encoded encoded;
  const auto end_word = [&encoded](absl::string_view word) {
    encoded.word_ends.push_back(encoded.ids.size());
    encoded.words.emplace_back(word);
  };
  const auto on_token = [&](const AddedToken& token) {
    encoded.ids.push_back(token.id);
    end_word(token.content);
  };
  const auto on_normalized = [&](absl::string_view piece) {
    for (absl::string_view word : SplitWords(piece)) {
      encoding_.Encode(word, &encoded.ids);
      end_word(word);
    }
  };
  const auto on_raw = [&](absl::string_view piece) {
    normalized_tokens_.Split(NormalizeText(piece), on_normalized, on_token);
  };
  raw_tokens_.Split(text, on_raw, on_token);
  return encoded;
}

std::string Tokenizer::Decode(absl::Span<const int32_t> ids) const {
  std::string text;
  for (int32_t id : ids) {
    if (id >= 0 && static_cast<size_t>(id) < tokens_.size()) {
      text += TokenText(tokens_[static_cast<size_t>(id)]);
    }
  }
  if (!text.empty() && text.back() == ' ') text.pop_back();
  // Ids may end in the middle of a letter.
  std::string utf8;
  for (size_t offset = 0; offset < text.size();) AppendUtf8(NextCodePoint(text, &offset), &utf8);
  return utf8;
}

std::vector<std::string> Tokenizer::UnknownWords(const Encoded& encoded) const {
  std::vector<std::string> unknown;
  if (known_words_.empty()) return unknown;
  absl::flat_hash_set<absl::string_view> seen;
  for (const std::string& word : encoded.words) {
    size_t offset = 0;
    const char32_t first = NextCodePoint(word, &offset);
    if (!IsLetter(first) && !IsNumber(first)) continue;
    if (!is_known_.contains(word) && seen.insert(word).second) unknown.push_back(word);
  }
  return unknown;
}

}  // namespace weft
