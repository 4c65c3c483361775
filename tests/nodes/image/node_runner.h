#ifndef WEFT_TESTS_NODES_IMAGE_NODE_RUNNER_H_
#define WEFT_TESTS_NODES_IMAGE_NODE_RUNNER_H_

#include <string>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {

// Runs single nodes in an environment of the test's choice, as a graph would: literals are
// checked, defaults filled in.
class NodeRunner {
 public:
  using Values = absl::btree_map<std::string, Value>;

  Environment& environment() { return environment_; }
  absl::StatusOr<Values> Run(const NodeType& node, const Values& inputs) const {
    return Call(node, inputs, Device::kCpu);
  }
  absl::StatusOr<Values> Infer(const NodeType& node, const Values& inputs) const {
    return Call(node, inputs, Device::kMeta);
  }
  std::string ErrorOf(const NodeType& node, const Values& inputs) const {
    const auto result = Run(node, inputs);
    return result.ok() ? "no error" : std::string(result.status().message());
  }

 private:
  absl::StatusOr<Values> Call(const NodeType& node, const Values& inputs, Device device) const {
    NodeContext ctx(node.contract, environment_, Allocator(device), device == Device::kMeta);
    for (const PortSpec& port : node.contract.inputs) {
      const auto given = inputs.find(port.name);
      if (given == inputs.end()) {
        if (port.required) return Invalid("port ", port.name, " is missing");
        if (!port.fallback.is_null()) ctx.inputs()[port.name] = port.fallback;
      } else if (given->second.AsTensor() != nullptr || given->second.AsList() != nullptr ||
                 given->second.AsObject() != nullptr) {
        ctx.inputs()[port.name] = given->second;
      } else {
        WEFT_ASSIGN_OR_RETURN(ctx.inputs()[port.name], CheckLiteral(port, given->second));
      }
    }
    for (const PortSpec& port : node.contract.outputs) ctx.wanted().insert(port.name);
    WEFT_RETURN_IF_ERROR((device == Device::kMeta ? node.inferring() : node.run)(ctx));
    return std::move(ctx.outputs());
  }

  Environment environment_;
};

inline Value Txt(std::string text) { return Value(std::move(text)); }
inline Value Num(int64_t number) { return Value(number); }

}  // namespace weft

#endif  // WEFT_TESTS_NODES_IMAGE_NODE_RUNNER_H_
