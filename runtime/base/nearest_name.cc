#include "runtime/base/nearest_name.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace weft {
namespace {

// Names come from files: longer ones are not typing mistakes, and the distance is quadratic.
constexpr size_t kLongestName = 64;
constexpr size_t kListedNames = 8;

size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string NearestName(absl::string_view name, const std::vector<std::string>& candidates) {
  if (name.empty() || name.size() > kLongestName) return "";
  const std::string wanted = absl::AsciiStrToLower(name);
  std::string nearest;
  size_t best = wanted.size() / 3 + 2;  // a third of the letters may be wrong
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kLongestName) continue;
    const size_t distance = EditDistance(wanted, absl::AsciiStrToLower(candidate));
    if (distance < best && distance < candidate.size()) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string DidYouMean(absl::string_view name, const std::vector<std::string>& candidates) {
  if (std::string nearest = NearestName(name, candidates); !nearest.empty()) {
    return absl::StrCat("; did you mean \"", nearest, "\"?");
  }
  if (candidates.empty() || candidates.size() > kListedNames) return "";
  return absl::StrCat("; there are: ", absl::StrJoin(candidates, ", "));
}

}  // namespace weft
