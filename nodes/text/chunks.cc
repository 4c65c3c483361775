#include "nodes/text/chunks.h"

#include <algorithm>
#include <iterator>

namespace weft {

std::vector<size_t> CutBetweenWords(absl::Span<const size_t> word_ends, size_t capacity) {
  const size_t count = word_ends.empty() ? 0 : word_ends.back();
  std::vector<size_t> ends;
  size_t begin = 0;
  while (count - begin > capacity) {
    const size_t limit = begin + capacity;
    const auto* behind = std::upper_bound(word_ends.begin(), word_ends.end(), limit);
    const bool between = behind != word_ends.begin() && *std::prev(behind) > begin;
    begin = between ? *std::prev(behind) : limit;
    ends.push_back(begin);
  }
  ends.push_back(count);
  return ends;
}

std::vector<int32_t> LayOutChunks(const Tokenizer& tokenizer, absl::Span<const int32_t> ids,
                                  absl::Span<const size_t> ends) {
  const auto length = static_cast<size_t>(tokenizer.max_length());
  std::vector<int32_t> rows;
  rows.reserve(ends.size() * length);
  size_t begin = 0;
  for (size_t end : ends) {
    rows.push_back(tokenizer.begin_id());
    rows.insert(rows.end(), ids.begin() + begin, ids.begin() + end);
    rows.push_back(tokenizer.end_id());
    rows.resize((rows.size() + length - 1) / length * length, tokenizer.pad_id());
    begin = end;
  }
  return rows;
}

}  // namespace weft
