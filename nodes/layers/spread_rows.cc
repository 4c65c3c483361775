#include "nodes/layers/spread_rows.h"

#include <vector>

#include "runtime/base/status_macros.h"

namespace weft {

Tensor SpreadRows(Ops& ops, const Tensor& x, int64_t batch) {
  if (!ops.status().ok() || x.dim(0) == batch) return x;
  if (batch % x.dim(0) != 0) {
    ops.Fail(Invalid("a batch of ", batch, " cannot be shared by ", x.dim(0)));
    return {};
  }
  std::vector<Tensor> rows;
  for (int64_t i = 0; i < batch; ++i) {
    const int64_t row = i / (batch / x.dim(0));
    rows.push_back(ops.Rows(x, row, row + 1));
  }
  return ops.Stack(rows);
}

Tensor RepeatBatch(Ops& ops, const Tensor& x, int64_t times) {
  if (times == 1) return x;
  return ops.Stack(std::vector<Tensor>(static_cast<size_t>(times), x));
}

}  // namespace weft
