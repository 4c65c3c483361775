#include "nodes/text/token_weights.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <numeric>

namespace weft {

TokenWeighting TokenWeightingFromName(absl::string_view name) {
  const auto* found =
      std::find(std::begin(kTokenWeightingNames), std::end(kTokenWeightingNames), name);
  return static_cast<TokenWeighting>(found - std::begin(kTokenWeightingNames));
}

void WeightTokens(absl::Span<float> states, absl::Span<const float> weights, const float* empty,
                  TokenWeighting weighting) {
  const auto is_one = [](float weight) { return weight == 1.0f; };
  if (std::all_of(weights.begin(), weights.end(), is_one)) return;
  const auto sum = [&] { return std::accumulate(states.begin(), states.end(), 0.0); };
  const double before = sum();
  const size_t width = states.size() / weights.size();
  for (size_t token = 0; token < weights.size(); ++token) {
    const float w = weights[token];
    if (is_one(w)) continue;
    for (size_t i = token * width; i < (token + 1) * width; ++i) {
      const float from = weighting == TokenWeighting::kInterpolate ? empty[i] : 0.0f;
      states[i] = from + w * (states[i] - from);
    }
  }
  if (weighting != TokenWeighting::kKeepMean) return;
  const auto factor = static_cast<float>(before / sum());
  // Where the weighted states cancel each other out there is no mean to restore.
  if (!std::isfinite(factor)) return;
  for (float& state : states) state *= factor;
}

}  // namespace weft
