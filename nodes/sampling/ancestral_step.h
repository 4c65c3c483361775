#ifndef WEFT_NODES_SAMPLING_ANCESTRAL_STEP_H_
#define WEFT_NODES_SAMPLING_ANCESTRAL_STEP_H_

#include <algorithm>
#include <cmath>

namespace weft {

// A step from `sigma` to `next` as a way down past it and noise added up to it:
// up² = next² (sigma² - next²) / sigma², down² = next² - up² (K. Crowson's k-diffusion).
struct AncestralStep {
  double down = 0.0;
  double up = 0.0;
};
// In f32 as the originals do, whose `down` loses digits where the levels are high.
inline AncestralStep AncestralStepOf(double sigma, double next) {
  const auto from = static_cast<float>(sigma);
  const auto to = static_cast<float>(next);
  const float up =
      std::min(to, std::sqrt(std::max(to * to * (from * from - to * to) / (from * from), 0.0f)));
  return {std::sqrt(std::max(to * to - up * up, 0.0f)), up};
}

// Half way between two levels in their logarithm; 0 where one is 0.
inline double LogMiddle(double from, double to) {
  return from > 0.0 && to > 0.0 ? std::exp(0.5 * (std::log(from) + std::log(to))) : 0.0;
}

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_ANCESTRAL_STEP_H_
