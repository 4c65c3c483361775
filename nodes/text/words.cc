#include "nodes/text/words.h"

#include "absl/strings/match.h"
#include "nodes/text/unicode.h"

namespace weft {
namespace {

constexpr absl::string_view kEndings[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};

// CLIP's pattern takes these whole, even glued to punctuation, and then cuts them in three. (They
// get here only where the tokenizer does not know them as special, for example in capitals.)
constexpr absl::string_view kMarkers[] = {"<|startoftext|>", "<|endoftext|>"};
constexpr size_t kMarkerEdge = 2;  // "<|" and "|>"

enum class Kind { kSpace, kLetter, kNumber, kOther };

Kind KindOf(char32_t c) {
  if (IsSpace(c)) return Kind::kSpace;
  if (IsLetter(c)) return Kind::kLetter;
  return IsNumber(c) ? Kind::kNumber : Kind::kOther;
}

}  // namespace

std::vector<absl::string_view> SplitWords(absl::string_view normalized) {
  std::vector<absl::string_view> words;
  size_t begin = 0;
  const auto take = [&](size_t length) {
    words.push_back(normalized.substr(begin, length));
    begin += length;
  };
  const auto take_marker = [&](absl::string_view rest) {
    for (absl::string_view marker : kMarkers) {
      if (!absl::StartsWith(rest, marker)) continue;
      take(kMarkerEdge);
      take(marker.size() - 2 * kMarkerEdge);
      take(kMarkerEdge);
      return true;
    }
    return false;
  };
  const auto take_ending = [&](absl::string_view rest) {
    for (absl::string_view ending : kEndings) {
      if (!absl::StartsWith(rest, ending)) continue;
      take(ending.size());
      return true;
    }
    return false;
  };
  while (begin < normalized.size()) {
    const absl::string_view rest = normalized.substr(begin);
    if (rest[0] == '<' && take_marker(rest)) continue;
    if (rest[0] == '\'' && take_ending(rest)) continue;
    size_t end = begin;
    const Kind kind = KindOf(NextCodePoint(normalized, &end));
    if (kind == Kind::kSpace) {
      begin = end;
      continue;
    }
    while (kind != Kind::kNumber && end < normalized.size()) {
      size_t next = end;
      if (KindOf(NextCodePoint(normalized, &next)) != kind) break;
      end = next;
    }
    take(end - begin);
  }
  return words;
}

}  // namespace weft
