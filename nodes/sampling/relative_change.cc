#include "nodes/sampling/relative_change.h"

#include <cmath>

namespace weft {

double RelativeChange(const Tensor& from, const Tensor& to) {
  const float* a = from.data<float>();
  const float* b = to.data<float>();
  double change = 0, size = 0;
  for (int64_t i = 0; i < to.numel(); ++i) {
    const double value = b[i], difference = value - static_cast<double>(a[i]);
    change += difference * difference;
    size += value * value;
  }
  return change == 0 ? 0.0 : std::sqrt(change / size);
}

}  // namespace weft
