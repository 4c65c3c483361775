#ifndef WEFT_NODES_TEXT_PROMPT_TOKENS_H_
#define WEFT_NODES_TEXT_PROMPT_TOKENS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "nodes/text/prompt.h"
#include "nodes/text/prompt_syntax.h"
#include "nodes/text/tokenizer.h"

namespace weft {

// A parsed prompt as the rows that a text encoder takes, a chunk each.
struct PromptTokens {
  std::vector<int32_t> rows;  // [prompt->rows(), the tokenizer's length]
  std::shared_ptr<const Prompt> prompt;
  Tokenizer::Encoded words;  // of all texts, for notices
};

// Each section (what lies between two BREAKs) begins a chunk; a section that is too long is cut
// between words. `truncate`: only the first chunk of each text. Error: a text is not UTF-8.
absl::StatusOr<PromptTokens> TokenizePrompt(const Tokenizer& tokenizer,
                                            const std::vector<PromptText>& texts,
                                            TokenWeighting weighting, bool truncate);

}  // namespace weft

#endif  // WEFT_NODES_TEXT_PROMPT_TOKENS_H_
