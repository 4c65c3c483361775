#ifndef WEFT_NODES_TEXT_PROMPT_SYNTAX_H_
#define WEFT_NODES_TEXT_PROMPT_SYNTAX_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nodes/text/prompt_emphasis.h"
#include "nodes/text/step_range.h"

namespace weft {

// One of the texts that a prompt stands for: what it says, in which steps, and how much it counts
// beside the others.
struct PromptText {
  std::vector<PromptSection> sections;
  double weight = 1.0;
  StepRange steps;
};

// Reads a prompt as AUTOMATIC1111's web UI does:
//   a AND b :0.5        both at once, the second at half weight
//   [a:b:when]          a before `when`, b from then on; [b:when] and [a::when] leave one out.
//                       `when` is a share of the steps (below 1, or with a point) or a number of
//                       steps
//   [a|b|c]             one after the other, a step each
// and emphasis and BREAK in each text, as ParseEmphasis has them. What looks odd is text.
// Errors: a prompt that is too long or stands for too many texts.
absl::StatusOr<std::vector<PromptText>> ParsePrompt(absl::string_view prompt);

inline constexpr size_t kMaxPromptBytes = 100'000;
inline constexpr size_t kMaxPromptTexts = 64;

}  // namespace weft

#endif  // WEFT_NODES_TEXT_PROMPT_SYNTAX_H_
