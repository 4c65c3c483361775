#include "nodes/register_nodes.h"

#include "runtime/base/status_macros.h"

// The catalogue: one line a node. Each names a function `NodeType <Name>Node()` that the node's
// own file defines.
#define WEFT_NODES(X) \
  /* io */            \
  /* text */          \
  /* sampling */      \
  /* latent */        \
  /* image, mask */

namespace weft {

#define WEFT_DECLARE(Name) NodeType Name##Node();
WEFT_NODES(WEFT_DECLARE)
#undef WEFT_DECLARE

absl::Status RegisterNodes(Registry& registry) {
#define WEFT_ADD(Name) WEFT_RETURN_IF_ERROR(registry.Add(Name##Node()));
  WEFT_NODES(WEFT_ADD)
#undef WEFT_ADD
  return absl::OkStatus();
}

}  // namespace weft
