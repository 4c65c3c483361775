#ifndef WEFT_NODES_TEXT_WORDS_H_
#define WEFT_NODES_TEXT_WORDS_H_

#include <vector>

#include "absl/strings/string_view.h"

namespace weft {

// Cuts normalized text into what byte pair encoding sees, as CLIP does: English endings ('s 't 're
// 've 'm 'll 'd), runs of letters, single digits, runs of anything else; spaces fall away.
// The words are windows on `normalized`.
std::vector<absl::string_view> SplitWords(absl::string_view normalized);

}  // namespace weft

#endif  // WEFT_NODES_TEXT_WORDS_H_
