#include "runtime/graph/registry.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace weft {

absl::Status Registry::Add(NodeType type) {
  const std::string name = type.contract.type;
  if (types_.contains(name)) {
    return absl::AlreadyExistsError(absl::StrCat("node type \"", name, "\" is registered twice"));
  }
  for (const std::vector<PortSpec>* ports : {&type.contract.inputs, &type.contract.outputs}) {
    std::set<std::string> seen;
    for (const PortSpec& port : *ports) {
      if (!seen.insert(port.name).second) {
        return Invalid("node type \"", name, "\" has two ports \"", port.name, "\"");
      }
    }
  }
  types_.emplace(name, std::move(type));
  return absl::OkStatus();
}

const NodeType* Registry::Find(absl::string_view type) const {
  const auto it = types_.find(std::string(type));
  return it != types_.end() ? &it->second : nullptr;
}

std::vector<std::string> Registry::TypeNames() const {
  std::vector<std::string> names;
  names.reserve(types_.size());
  for (const auto& [name, type] : types_) names.push_back(name);
  return names;
}

}  // namespace weft
