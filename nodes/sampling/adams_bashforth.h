#ifndef WEFT_NODES_SAMPLING_ADAMS_BASHFORTH_H_
#define WEFT_NODES_SAMPLING_ADAMS_BASHFORTH_H_

#include <cstddef>
#include <vector>

#include "nodes/sampling/latent_math.h"

namespace weft {

// The highest order of the mean below.
inline constexpr size_t kAdamsBashforthOrder = 4;

// The Adams-Bashforth mean, for even steps, of the latest 1 to 4 of past derivatives, oldest first.
Tensor AdamsBashforthMean(LatentMath& math, const std::vector<Tensor>& past);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_ADAMS_BASHFORTH_H_
