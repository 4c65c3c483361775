#include "runtime/graph/registry.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

absl::Status CheckPorts(const Contract& contract) {
  for (const std::vector<PortSpec>* ports : {&contract.inputs, &contract.outputs}) {
    std::set<std::string> seen;
    for (const PortSpec& port : *ports) {
      if (!seen.insert(port.name).second) {
        return Invalid("node type \"", contract.type, "\" has two ports \"", port.name, "\"");
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Registry::Add(NodeType type) {
  if (Find(type.contract.type) != nullptr) {
    return absl::AlreadyExistsError(
        absl::StrCat("node type \"", type.contract.type, "\" is registered twice"));
  }
  return Replace(std::move(type));
}

absl::Status Registry::Replace(NodeType type) {
  WEFT_RETURN_IF_ERROR(CheckPorts(type.contract));
  std::string name = type.contract.type;
  const absl::MutexLock lock(&mutex_);
  types_.insert_or_assign(std::move(name), std::make_shared<const NodeType>(std::move(type)));
  return absl::OkStatus();
}

std::shared_ptr<const NodeType> Registry::Find(absl::string_view type) const {
  const absl::MutexLock lock(&mutex_);
  const auto it = types_.find(std::string(type));
  return it != types_.end() ? it->second : nullptr;
}

std::vector<std::string> Registry::TypeNames() const {
  const absl::MutexLock lock(&mutex_);
  std::vector<std::string> names;
  names.reserve(types_.size());
  for (const auto& [name, type] : types_) names.push_back(name);
  return names;
}

std::vector<std::shared_ptr<const NodeType>> Registry::Types() const {
  const absl::MutexLock lock(&mutex_);
  std::vector<std::shared_ptr<const NodeType>> types;
  types.reserve(types_.size());
  for (const auto& [name, type] : types_) types.push_back(type);
  return types;
}

}  // namespace weft
