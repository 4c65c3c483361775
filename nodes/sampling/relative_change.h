#ifndef WEFT_NODES_SAMPLING_RELATIVE_CHANGE_H_
#define WEFT_NODES_SAMPLING_RELATIVE_CHANGE_H_

#include "runtime/tensor/tensor.h"

namespace weft {

// rms(to - from) / rms(to), of f32 tensors of one shape; 0 where they are equal.
double RelativeChange(const Tensor& from, const Tensor& to);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_RELATIVE_CHANGE_H_
