#ifndef WEFT_RUNTIME_BASE_NEAREST_NAME_H_
#define WEFT_RUNTIME_BASE_NEAREST_NAME_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace weft {

// The candidate with the smallest edit distance to `name` (case does not count), or "" where none
// is near enough to be what was meant.
std::string NearestName(absl::string_view name, const std::vector<std::string>& candidates);

// What to append to "unknown …" errors: `; did you mean "x"?`, or the list of what there is where
// it is short, or "".
std::string DidYouMean(absl::string_view name, const std::vector<std::string>& candidates);

}  // namespace weft

#endif  // WEFT_RUNTIME_BASE_NEAREST_NAME_H_
