#ifndef WEFT_NODES_MODELS_PART_OPS_H_
#define WEFT_NODES_MODELS_PART_OPS_H_

#include "runtime/graph/node.h"
#include "runtime/ops/ops.h"

namespace weft {

// The operations that a node runs a model's part with (or a denoiser, or whatever has a precision
// of its own): memory-less in a dry run.
template <typename Part>
Ops OpsFor(const NodeContext& ctx, const Part& part) {
  return Ops(ctx.backend(), ctx.allocator(), part.ComputeOr(ctx.environment().compute),
             ctx.environment().cancelled, ctx.environment().keep);
}

}  // namespace weft

#endif  // WEFT_NODES_MODELS_PART_OPS_H_
