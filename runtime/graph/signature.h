#ifndef WEFT_RUNTIME_GRAPH_SIGNATURE_H_
#define WEFT_RUNTIME_GRAPH_SIGNATURE_H_

#include "absl/status/statusor.h"
#include "runtime/graph/plan.h"

namespace weft {

// A graph as its users see it: what goes in, what comes out, and all that may be set inside.
struct Signature {
  Ordered<PortSpec> params;   // `like` resolved
  Ordered<PortSpec> outputs;  // name and type
  // Every input of every node at any depth, by the name that an override gives it:
  // "node.port", "composite.node.port".
  Ordered<PortSpec> inputs;
};

// Needs no values. Where the graph has problems that hide what it means, they are the error.
absl::StatusOr<Signature> SignatureOf(const GraphDef& graph, const Registry& registry,
                                      Composites& composites);

// A composite as a contract, so that it can be listed, described and drawn as other nodes are.
absl::StatusOr<Contract> CompositeContract(const std::string& type, const GraphDef& graph,
                                           const Registry& registry, Composites& composites);

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_SIGNATURE_H_
