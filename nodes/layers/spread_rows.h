#ifndef WEFT_NODES_LAYERS_SPREAD_ROWS_H_
#define WEFT_NODES_LAYERS_SPREAD_ROWS_H_

#include "runtime/ops/ops.h"

namespace weft {

// Each row of x for an equal part of a batch, in order: [n, ...] → [batch, ...].
Tensor SpreadRows(Ops& ops, const Tensor& x, int64_t batch);

// All of x, `times` over: [n, ...] → [times·n, ...].
Tensor RepeatBatch(Ops& ops, const Tensor& x, int64_t times);

}  // namespace weft

#endif  // WEFT_NODES_LAYERS_SPREAD_ROWS_H_
