#ifndef WEFT_NODES_OPS_FOR_H_
#define WEFT_NODES_OPS_FOR_H_

#include "runtime/graph/node.h"
#include "runtime/ops/ops.h"

namespace weft {

// The operations that a node computes with: memory-less in a dry run.
inline Ops OpsFor(const NodeContext& ctx) {
  return Ops(ctx.backend(), ctx.allocator(), ctx.environment().compute, ctx.environment().cancelled,
             ctx.environment().keep);
}

}  // namespace weft

#endif  // WEFT_NODES_OPS_FOR_H_
