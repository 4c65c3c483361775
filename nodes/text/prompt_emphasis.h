#ifndef WEFT_NODES_TEXT_PROMPT_EMPHASIS_H_
#define WEFT_NODES_TEXT_PROMPT_EMPHASIS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace weft {

// A part of a prompt whose tokens all have one weight.
struct WeightedText {
  std::string text;
  double weight = 1.0;
};
// What lies between two BREAKs.
using PromptSection = std::vector<WeightedText>;

// Reads emphasis as AUTOMATIC1111's web UI does:
//   (text) 1.1 times, (text:1.3) 1.3 times, [text] 1 / 1.1 times, nested ones multiplied;
//   \( \) \[ \] \\ stand for themselves; BREAK ends a section.
// Nothing is an error: a bracket that is not closed holds to the end, one that closes nothing is
// text, and so is one inside more than 100 others. Neighbours of one weight become one part. There
// is at least one section; a section may be empty.
std::vector<PromptSection> ParseEmphasis(absl::string_view text);

// A decimal number that is the whole of `text`: [+-] digits [. digits].
std::optional<double> WholeNumber(absl::string_view text);

// `text` cut at a word in capitals, such as AND, where no letter, digit or underscore touches it.
std::vector<absl::string_view> SplitAtWord(absl::string_view text, absl::string_view word);

}  // namespace weft

#endif  // WEFT_NODES_TEXT_PROMPT_EMPHASIS_H_
