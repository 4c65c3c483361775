#include "runtime/node_call.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/graph_builder.h"

namespace weft {

GraphDef NodeCall::Graph(const Contract& contract,
                         const absl::btree_map<std::string, Value>& inputs) {
  const std::string id = SnakeCase(contract.type);
  GraphDef graph;
  NodeDef node;
  node.type = contract.type;
  for (const auto& [name, value] : inputs) {
    ParamDef param;
    param.like = absl::StrCat(id, ".", name);
    graph.params.emplace_back(name, std::move(param));
    node.inputs.emplace_back(name, InputDef{.source = Wire{"graph", name, {}}});
  }
  graph.nodes.emplace_back(id, std::move(node));
  return graph;
}

absl::StatusOr<NodeCall> NodeCall::Make(const std::string& type,
                                        absl::btree_map<std::string, Value> inputs,
                                        const Runtime& runtime, RunOptions options,
                                        std::string folder) {
  WEFT_ASSIGN_OR_RETURN(Contract contract, FindContract(type, runtime, folder));
  for (auto it = inputs.begin(); it != inputs.end();) {
    const PortSpec* port = contract.Input(it->first);
    if (port == nullptr) {
      return Invalid(type, " has no input \"", it->first, "\"",
                     DidYouMean(it->first, contract.InputNames()));
    }
    if (it->second.is_null()) {
      it = inputs.erase(it);
      continue;
    }
    // One value is a list of one.
    if (port->type.list && it->second.AsList() == nullptr) it->second = Value(List{it->second});
    ++it;
  }
  GraphDef graph = Graph(contract, inputs);
  options.overrides.params = std::move(inputs);
  options.overrides.inputs.clear();
  NodeCall call(std::move(contract), Pipeline::Of(std::move(graph), std::move(folder), runtime),
                std::move(options));
  if (!call.contract_.separate_outputs) {
    WEFT_RETURN_IF_ERROR(call.Compute(call.contract_.OutputNames()));
  }
  return call;
}

absl::Status NodeCall::Compute(const std::vector<std::string>& outputs) {
  GraphDef graph = pipeline_.graph();
  for (const std::string& name : outputs) {
    graph.outputs.emplace_back(name, InputDef{.source = Wire{SnakeCase(contract_.type), name, {}}});
  }
  WEFT_ASSIGN_OR_RETURN(RunResult result, pipeline_.With(std::move(graph)).RunUnchecked(options_));
  for (auto& [name, value] : result.outputs) outputs_.insert_or_assign(name, std::move(value));
  return absl::OkStatus();
}

absl::StatusOr<Value> NodeCall::Output(const std::string& name) {
  const std::vector<std::string> names = contract_.OutputNames();
  if (name.empty() && names.size() != 1) {
    return Invalid(contract_.type, " has several outputs: ", absl::StrJoin(names, ", "));
  }
  const std::string& wanted = name.empty() ? names[0] : name;
  if (contract_.Output(wanted) == nullptr) {
    return absl::NotFoundError(
        absl::StrCat(contract_.type, " has no output \"", wanted, "\"", DidYouMean(wanted, names)));
  }
  if (!outputs_.contains(wanted)) WEFT_RETURN_IF_ERROR(Compute({wanted}));
  return outputs_[wanted];
}

}  // namespace weft
