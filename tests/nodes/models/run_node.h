#ifndef WEFT_TESTS_NODES_MODELS_RUN_NODE_H_
#define WEFT_TESTS_NODES_MODELS_RUN_NODE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "runtime/graph/node.h"
#include "tests/nodes/models/golden.h"

namespace weft {

using Values = absl::btree_map<std::string, Value>;

// How a node that computes is run on its own.
struct NodeRun {
  bool dry = false;
  DType compute = DType::kF32;
  std::string graph_folder = ".";
  std::vector<std::string> wanted;  // outputs; none: all but those of `unwanted`
  std::vector<std::string> unwanted;
  std::vector<Event>* events = nullptr;
};

inline absl::StatusOr<Values> RunNode(const NodeType& node, const Values& inputs,
                                      const NodeRun& how = {}) {
  Environment environment;
  environment.backend = &CpuForTests();
  environment.meta_backend = &MetaForTests();
  environment.compute = how.compute;
  environment.graph_folder = how.graph_folder;
  if (how.events != nullptr) {
    environment.events = [&how](const Event& event) { how.events->push_back(event); };
  }
  NodeContext ctx(node.contract, environment, Allocator(how.dry ? Device::kMeta : Device::kCpu),
                  how.dry);
  for (const PortSpec& port : node.contract.inputs) {
    if (const auto given = inputs.find(port.name); given != inputs.end()) {
      ctx.inputs()[port.name] = given->second;
    } else if (!port.fallback.is_null()) {
      ctx.inputs()[port.name] = port.fallback;
    }
  }
  for (const PortSpec& port : node.contract.outputs) ctx.wanted().insert(port.name);
  if (!how.wanted.empty()) ctx.wanted() = {how.wanted.begin(), how.wanted.end()};
  for (const std::string& name : how.unwanted) ctx.wanted().erase(name);
  if (absl::Status status = how.dry ? node.inferring()(ctx) : node.run(ctx); !status.ok()) {
    return status;
  }
  return std::move(ctx.outputs());
}

}  // namespace weft

#endif  // WEFT_TESTS_NODES_MODELS_RUN_NODE_H_
