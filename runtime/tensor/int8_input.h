#ifndef WEFT_RUNTIME_TENSOR_INT8_INPUT_H_
#define WEFT_RUNTIME_TENSOR_INT8_INPUT_H_

#include <cstdint>
#include <limits>
#include <vector>

namespace weft {

// How the input of a layer is told in codes of 8 bits, by input channel:
//   x ≈ scale[c] · (code - zero[c])
// A channel that is much larger than the others has a larger scale of its own, which the weights of
// that channel take up (SmoothQuant, Xiao et al. 2023); so have the two sources of a convolution
// (split quantisation of skips, Q-Diffusion, Li et al. 2023).
struct Int8Input {
  std::vector<float> scale;   // of each input channel, above 0
  std::vector<uint8_t> zero;  // the code of 0, of each input channel
};

// Sums of products of codes, 0..255 and -127..127, are 32 bits wide: a layer that sums up more of
// them (66,311) does not compute in 8 bits.
constexpr int64_t kMostInt8Products = std::numeric_limits<int32_t>::max() / (255 * 127);

}  // namespace weft

#endif  // WEFT_RUNTIME_TENSOR_INT8_INPUT_H_
