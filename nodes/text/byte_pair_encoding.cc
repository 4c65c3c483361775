#include "nodes/text/byte_pair_encoding.h"

#include <algorithm>
#include <queue>

#include "absl/strings/str_cat.h"
#include "nodes/text/unicode.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr absl::string_view kEndOfWord = "</w>";

// Printable bytes of Latin-1 stand for themselves, the others follow from U+0100 on.
constexpr bool IsPrintable(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr std::array<char32_t, 256> MakeByteLetters() {
  std::array<char32_t, 256> letters{};
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    letters[static_cast<size_t>(byte)] = IsPrintable(byte) ? static_cast<char32_t>(byte) : next++;
  }
  return letters;
}
constexpr std::array<char32_t, 256> kByteLetters = MakeByteLetters();

struct Symbol {
  int32_t id;
  int32_t previous;  // positions in the word; -1: none
  int32_t next;
  bool alive = true;
};

struct Candidate {
  int32_t rank;
  int32_t position;  // of the left half
  int32_t id;        // of the joined token
};
struct ComesLater {
  bool operator()(const Candidate& a, const Candidate& b) const {
    return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
  }
};

}  // namespace

std::string ByteSymbol(uint8_t byte) {
  std::string symbol;
  AppendUtf8(kByteLetters[byte], &symbol);
  return symbol;
}

std::string TokenText(absl::string_view token) {
  std::string text;
  for (size_t offset = 0; offset < token.size();) {
    if (token.substr(offset) == kEndOfWord) {
      text.push_back(' ');
      break;
    }
    const char32_t letter = NextCodePoint(token, &offset);
    const auto* byte = std::find(kByteLetters.begin(), kByteLetters.end(), letter);
    if (byte != kByteLetters.end()) {
      text.push_back(static_cast<char>(byte - kByteLetters.begin()));
    } else {
      AppendUtf8(letter, &text);
    }
  }
  return text;
}

absl::StatusOr<BytePairEncoding> BytePairEncoding::Create(const Vocabulary& vocabulary,
                                                          const Merges& merges,
                                                          absl::string_view unknown) {
  BytePairEncoding encoding;
  const auto unknown_id = vocabulary.find(unknown);
  for (size_t byte = 0; byte < 256; ++byte) {
    const std::string symbol = ByteSymbol(static_cast<uint8_t>(byte));
    for (auto [ids, token] : {std::pair(&encoding.inner_, symbol),
                              std::pair(&encoding.last_, absl::StrCat(symbol, kEndOfWord))}) {
      const auto found = vocabulary.find(token);
      if (found == vocabulary.end() && unknown_id == vocabulary.end()) {
        return Invalid("the vocabulary has no token ", Quoted(token), " for byte 0x",
                       absl::Hex(byte, absl::kZeroPad2), ", nor the unknown token ",
                       Quoted(unknown));
      }
      (*ids)[byte] = found != vocabulary.end() ? found->second : unknown_id->second;
    }
  }
  encoding.merges_.reserve(merges.size());
  int32_t rank = 0;
  for (const auto& [left, right] : merges) {
    const std::string joined = absl::StrCat(left, right);
    for (const std::string* token : {&left, &right, &joined}) {
      if (!vocabulary.contains(*token)) {
        return Invalid("merge ", rank + 1, " (", Quoted(absl::StrCat(left, " ", right)),
                       ") needs token ", Quoted(*token), ", which the vocabulary lacks");
      }
    }
    encoding.merges_.insert_or_assign(std::pair(vocabulary.at(left), vocabulary.at(right)),
                                      Merge{rank, vocabulary.at(joined)});
    ++rank;
  }
  return encoding;
}

const BytePairEncoding::Merge* BytePairEncoding::Find(int32_t left, int32_t right) const {
  const auto found = merges_.find(std::pair(left, right));
  return found != merges_.end() ? &found->second : nullptr;
}

void BytePairEncoding::Encode(absl::string_view word, std::vector<int32_t>* ids) const {
  if (word.empty()) return;
  const auto length = static_cast<int32_t>(word.size());
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  for (int32_t i = 0; i < length; ++i) {
    const bool is_last = i + 1 == length;
    const auto byte = static_cast<uint8_t>(word[static_cast<size_t>(i)]);
    symbols.push_back({(is_last ? last_ : inner_)[byte], i - 1, is_last ? -1 : i + 1});
  }
  std::priority_queue<Candidate, std::vector<Candidate>, ComesLater> queue;
  const auto at = [&](int32_t position) -> Symbol& {
    return symbols[static_cast<size_t>(position)];
  };
  const auto consider = [&](int32_t position) {
    if (position < 0 || at(position).next < 0) return;
    if (const Merge* merge = Find(at(position).id, at(at(position).next).id)) {
      queue.push({merge->rank, position, merge->id});
    }
  };
  for (int32_t i = 0; i + 1 < length; ++i) consider(i);
  while (!queue.empty()) {
    const Candidate candidate = queue.top();
    queue.pop();
    Symbol& left = at(candidate.position);
    if (!left.alive || left.next < 0) continue;
    Symbol& right = at(left.next);
    // The halves may have changed since the candidate was queued.
    const Merge* merge = Find(left.id, right.id);
    if (merge == nullptr || merge->id != candidate.id) continue;
    left.id = candidate.id;
    left.next = right.next;
    right.alive = false;
    if (left.next >= 0) at(left.next).previous = candidate.position;
    consider(left.previous);
    consider(candidate.position);
  }
  for (int32_t i = 0; i >= 0; i = at(i).next) ids->push_back(at(i).id);
}

}  // namespace weft
