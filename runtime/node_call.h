#ifndef WEFT_RUNTIME_NODE_CALL_H_
#define WEFT_RUNTIME_NODE_CALL_H_

#include <string>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "runtime/pipeline.h"

namespace weft {

// A node, or a composite, that a program calls by itself, with values for its inputs. It is a graph
// of one node: the same checks, the same errors.
class NodeCall {
 public:
  // Runs the node at once, unless its outputs are separate: then each runs when it is asked for.
  // Relative paths in its inputs are relative to `folder`. What is null is left at its default.
  // Errors: unknown type (NOT_FOUND), inputs that it does not have, those of the run. Of `options`
  // the overrides are not used. `runtime` is borrowed for as long as the call is used.
  static absl::StatusOr<NodeCall> Make(const std::string& type,
                                       absl::btree_map<std::string, Value> inputs,
                                       const Runtime& runtime, RunOptions options,
                                       std::string folder = ".");

  const Contract& contract() const { return contract_; }
  // `name` may be "" where there is one output. NOT_FOUND with the nearest name.
  absl::StatusOr<Value> Output(const std::string& name);

 private:
  NodeCall(Contract contract, Pipeline pipeline, RunOptions options)
      : contract_(std::move(contract)),
        pipeline_(std::move(pipeline)),
        options_(std::move(options)) {}
  static GraphDef Graph(const Contract& contract,
                        const absl::btree_map<std::string, Value>& inputs);
  absl::Status Compute(const std::vector<std::string>& outputs);

  Contract contract_;
  Pipeline pipeline_;
  RunOptions options_;
  absl::btree_map<std::string, Value> outputs_;  // those that have been computed
};

}  // namespace weft

#endif  // WEFT_RUNTIME_NODE_CALL_H_
