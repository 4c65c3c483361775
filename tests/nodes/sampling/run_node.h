#ifndef WEFT_TESTS_NODES_SAMPLING_RUN_NODE_H_
#define WEFT_TESTS_NODES_SAMPLING_RUN_NODE_H_

#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {

using Values = absl::btree_map<std::string, Value>;

// Runs one node as a graph would: literals are checked, defaults filled in.
inline absl::StatusOr<Values> RunNode(const NodeType& node, const Values& inputs,
                                      Device device = Device::kCpu,
                                      std::vector<std::string>* notices = nullptr) {
  Environment environment;
  if (notices != nullptr) {
    environment.events = [notices](const Event& event) { notices->push_back(event.message); };
  }
  NodeContext ctx(node.contract, environment, Allocator(device), device == Device::kMeta);
  for (const auto& [name, value] : inputs) {
    const PortSpec* port = node.contract.Input(name);
    if (port == nullptr) return Invalid("there is no port ", name);
    if (!Matches(port->type, value) && !value.is_null()) {
      WEFT_ASSIGN_OR_RETURN(ctx.inputs()[name], CheckLiteral(*port, value));
    } else {
      ctx.inputs()[name] = value;
    }
  }
  for (const PortSpec& port : node.contract.inputs) {
    if (ctx.inputs().contains(port.name)) continue;
    if (port.required) return Invalid("port ", port.name, " is missing");
    if (!port.fallback.is_null()) ctx.inputs()[port.name] = port.fallback;
  }
  for (const PortSpec& port : node.contract.outputs) ctx.wanted().insert(port.name);
  WEFT_RETURN_IF_ERROR((device == Device::kMeta ? node.inferring() : node.run)(ctx));
  return std::move(ctx.outputs());
}

}  // namespace weft

#endif  // WEFT_TESTS_NODES_SAMPLING_RUN_NODE_H_
