#ifndef WEFT_RUNTIME_WEIGHTS_DERIVED_WEIGHT_H_
#define WEFT_RUNTIME_WEIGHTS_DERIVED_WEIGHT_H_

#include <vector>

#include "runtime/weights/weight.h"

namespace weft {

// Weights made of the tensors of a file without reading them now: layouts differ in more than
// names. All keep the stored type.

// `count` windows of equal height on the rows of one tensor, top first: a fused projection as its
// parts. The rows of `weight` are a multiple of `count`. The tensor is read once for all windows.
std::vector<Weight> SplitRows(const Weight& weight, int64_t count);

// The other way round: tensors of equal type and row shape on top of each other. The name is that
// of the first.
Weight StackRows(std::vector<Weight> weights);

// A matrix [rows, columns] as [columns, rows].
Weight Transposed(const Weight& weight);

// The same numbers in another shape: a 1×1 convolution as a matrix.
Weight Reshaped(const Weight& weight, const Shape& shape);

}  // namespace weft

#endif  // WEFT_RUNTIME_WEIGHTS_DERIVED_WEIGHT_H_
