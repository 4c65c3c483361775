#include "runtime/graph/declared_ports.h"

#include <utility>

#include "runtime/base/status_macros.h"

namespace weft {
namespace {

absl::Status Append(const Ordered<ParamDef>& declared, std::vector<PortSpec>& ports) {
  for (const auto& [name, param] : declared) {
    for (const PortSpec& port : ports) {
      if (port.name == name) return Invalid("declares a port \"", name, "\" that it has already");
    }
    if (param.type.name.empty()) {
      return Invalid("declares the port \"", name, "\" without a \"type\"");
    }
    PortSpec& port = ports.emplace_back();
    port.name = name;
    port.type = param.type;
    port.doc = param.doc;
    port.required = !param.fallback.has_value();
    port.min = param.min;
    port.max = param.max;
    port.choices = param.choices;
    if (param.fallback.has_value() && !param.fallback->is_null()) {
      WEFT_ASSIGN_OR_RETURN(port.fallback, CheckLiteral(port, *param.fallback));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const NodeType>> WithDeclaredPorts(
    std::shared_ptr<const NodeType> type, const NodeDef& def) {
  if (def.declared_inputs.empty() && def.declared_outputs.empty()) return type;
  if (!type->contract.declares_ports) {
    return Invalid("nodes of this type cannot declare \"ports\" of their own");
  }
  auto declared = std::make_shared<NodeType>(*type);
  WEFT_RETURN_IF_ERROR(Append(def.declared_inputs, declared->contract.inputs));
  WEFT_RETURN_IF_ERROR(Append(def.declared_outputs, declared->contract.outputs));
  return std::shared_ptr<const NodeType>(std::move(declared));
}

}  // namespace weft
