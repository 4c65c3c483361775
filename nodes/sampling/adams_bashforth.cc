#include "nodes/sampling/adams_bashforth.h"

#include <algorithm>

namespace weft {

Tensor AdamsBashforthMean(LatentMath& math, const std::vector<Tensor>& past) {
  constexpr double kWeights[kAdamsBashforthOrder][kAdamsBashforthOrder] = {
      {1.0, 0.0, 0.0, 0.0},
      {3.0 / 2.0, -1.0 / 2.0, 0.0, 0.0},
      {23.0 / 12.0, -16.0 / 12.0, 5.0 / 12.0, 0.0},
      {55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0}};
  const size_t count = std::min(past.size(), kAdamsBashforthOrder);
  std::vector<LatentMath::Term> terms;
  for (size_t k = 0; k < count; ++k) {
    terms.push_back({kWeights[count - 1][k], past[past.size() - 1 - k]});
  }
  return math.Sum(terms);
}

}  // namespace weft
