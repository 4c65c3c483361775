#ifndef WEFT_NODES_REGISTER_NODES_H_
#define WEFT_NODES_REGISTER_NODES_H_

#include "runtime/graph/registry.h"

namespace weft {

// Adds every node of the catalogue.
absl::Status RegisterNodes(Registry& registry);

}  // namespace weft

#endif  // WEFT_NODES_REGISTER_NODES_H_
