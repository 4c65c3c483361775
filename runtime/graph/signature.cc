#include "runtime/graph/signature.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/frame.h"

namespace weft {
namespace {

// A name that is a literal's type, as Loop and If take them.
PortSpec ControlPort(absl::string_view name, Type type, absl::string_view doc) {
  PortSpec port;
  port.name = std::string(name);
  port.type = std::move(type);
  port.doc = std::string(doc);
  return port;
}

void AddInputs(const Frame& frame, Resolver& resolver, Ordered<PortSpec>& into) {
  const auto add = [&](const Entry& entry, PortSpec port) {
    std::string key = absl::StrCat(frame.path, entry.id, ".", port.name);
    std::replace(key.begin(), key.end(), '/', '.');
    into.emplace_back(std::move(key), std::move(port));
  };
  for (const std::unique_ptr<Entry>& entry : frame.entries) {
    if (entry->type != nullptr) {
      for (const PortSpec& port : entry->type->contract.inputs) add(*entry, port);
    }
    if (entry->composite != nullptr) {
      for (const auto& [name, param] : entry->composite->graph->params) {
        add(*entry, resolver.Spec(*entry->composite, name, param));
      }
      AddInputs(*entry->composite, resolver, into);
    }
    if (entry->def->is_if()) {
      add(*entry, ControlPort("condition", Type{"bool"}, "Which of the two bodies runs."));
    }
    if (!entry->def->while_carry.empty()) {
      add(*entry, ControlPort("max_rounds", Type{"int"}, "After how many rounds it is an error."));
    }
    if (entry->body != nullptr) AddInputs(*entry->body, resolver, into);
    if (entry->else_body != nullptr) AddInputs(*entry->else_body, resolver, into);
  }
}

}  // namespace

absl::StatusOr<Signature> SignatureOf(const GraphDef& graph, const Registry& registry,
                                      Composites& composites) {
  const Overrides none;
  Resolver resolver(registry, composites, none);
  Frame top;
  top.graph = &graph;
  top.json_path = "nodes.";
  resolver.Declare(top, graph.nodes);
  Signature signature;
  for (const auto& [name, param] : graph.params) {
    signature.params.emplace_back(name, resolver.Spec(top, name, param));
  }
  for (const auto& [name, output] : graph.outputs) {
    const Problem at{
        .file = graph.file, .line = output.line, .json_path = absl::StrCat("outputs.", name)};
    PortSpec& port = signature.outputs.emplace_back(name, PortSpec()).second;
    port.name = name;
    const Resolved resolved = resolver.Resolve(top, output, at);
    port.type = resolved.known ? resolved.type : Type{"any"};
  }
  AddInputs(top, resolver, signature.inputs);
  if (!resolver.problems.empty()) return ToStatus(resolver.problems);
  return signature;
}

absl::StatusOr<Contract> CompositeContract(const std::string& type, const GraphDef& graph,
                                           const Registry& registry, Composites& composites) {
  WEFT_ASSIGN_OR_RETURN(Signature signature, SignatureOf(graph, registry, composites));
  Contract contract;
  contract.type = type;
  contract.doc = graph.doc.empty() ? graph.title : graph.doc;
  contract.category = "composite";
  for (auto& [name, port] : signature.params) contract.inputs.push_back(std::move(port));
  for (auto& [name, port] : signature.outputs) contract.outputs.push_back(std::move(port));
  return contract;
}

}  // namespace weft
