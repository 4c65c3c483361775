#include "nodes/text/prompt_tokens.h"

#include <algorithm>
#include <utility>

#include "nodes/text/chunks.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// The ids of a section, each with the weight of its part.
struct Section {
  Tokenizer::Encoded encoded;
  std::vector<float> weights;
};

absl::StatusOr<Section> Encode(const Tokenizer& tokenizer, const PromptSection& parts) {
  Section section;
  for (const WeightedText& part : parts) {
    WEFT_ASSIGN_OR_RETURN(Tokenizer::Encoded encoded, tokenizer.Encode(part.text));
    Tokenizer::Encoded& all = section.encoded;
    for (size_t end : encoded.word_ends) all.word_ends.push_back(all.ids.size() + end);
    all.ids.insert(all.ids.end(), encoded.ids.begin(), encoded.ids.end());
    std::move(encoded.words.begin(), encoded.words.end(), std::back_inserter(all.words));
    section.weights.resize(all.ids.size(), static_cast<float>(part.weight));
  }
  return section;
}

// As LayOutChunks lays out ids; begin, end and padding count once.
std::vector<float> LayOutWeights(absl::Span<const float> weights, absl::Span<const size_t> ends,
                                 size_t length) {
  std::vector<float> rows;
  size_t begin = 0;
  for (size_t end : ends) {
    rows.push_back(1.0f);
    rows.insert(rows.end(), weights.begin() + begin, weights.begin() + end);
    rows.resize((rows.size() / length + 1) * length, 1.0f);
    begin = end;
  }
  return rows;
}

}  // namespace

absl::StatusOr<PromptTokens> TokenizePrompt(const Tokenizer& tokenizer,
                                            const std::vector<PromptText>& texts,
                                            TokenWeighting weighting, bool truncate) {
  const auto length = static_cast<size_t>(tokenizer.max_length());
  const size_t capacity = length - 2;  // begin and end
  PromptTokens result;
  std::vector<Prompt::Text> entries;
  bool weighted = false;
  for (const PromptText& text : texts) {
    Prompt::Text entry{.weight = text.weight, .steps = text.steps};
    entry.first_row = static_cast<int64_t>(result.rows.size() / length);
    for (size_t i = 0; i < text.sections.size() && !(truncate && i > 0); ++i) {
      // The last BREAK needs nothing behind it.
      if (i > 0 && i + 1 == text.sections.size() && text.sections[i].empty()) break;
      WEFT_ASSIGN_OR_RETURN(const Section section, Encode(tokenizer, text.sections[i]));
      const std::vector<size_t> ends = truncate
                                           ? std::vector{std::min(section.weights.size(), capacity)}
                                           : CutBetweenWords(section.encoded.word_ends, capacity);
      const auto rows = LayOutChunks(tokenizer, section.encoded.ids, ends);
      const auto weights = LayOutWeights(section.weights, ends, length);
      result.rows.insert(result.rows.end(), rows.begin(), rows.end());
      entry.token_weights.insert(entry.token_weights.end(), weights.begin(), weights.end());
      const Tokenizer::Encoded& encoded = section.encoded;
      result.words.ids.insert(result.words.ids.end(), encoded.ids.begin(), encoded.ids.end());
      result.words.words.insert(result.words.words.end(), encoded.words.begin(),
                                encoded.words.end());
    }
    entry.rows = static_cast<int64_t>(result.rows.size() / length) - entry.first_row;
    const auto& weights = entry.token_weights;
    if (std::all_of(weights.begin(), weights.end(), [](float w) { return w == 1.0f; })) {
      entry.token_weights.clear();
    }
    weighted = weighted || !entry.token_weights.empty();
    entries.push_back(std::move(entry));
  }
  if (weighted && weighting == TokenWeighting::kInterpolate) {
    const size_t ends[] = {0};
    const auto nothing = LayOutChunks(tokenizer, {}, ends);
    result.rows.insert(result.rows.end(), nothing.begin(), nothing.end());
  }
  const auto rows = static_cast<int64_t>(result.rows.size() / length);
  result.prompt = std::make_shared<const Prompt>(std::move(entries), weighting, rows);
  return result;
}

}  // namespace weft
