#include "runtime/graph/contract.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

const PortSpec* Find(const std::vector<PortSpec>& ports, absl::string_view name) {
  const auto it = std::find_if(ports.begin(), ports.end(),
                               [name](const PortSpec& port) { return port.name == name; });
  return it != ports.end() ? &*it : nullptr;
}

std::vector<std::string> Names(const std::vector<PortSpec>& ports) {
  std::vector<std::string> names;
  names.reserve(ports.size());
  for (const PortSpec& port : ports) names.push_back(port.name);
  return names;
}

absl::Status CheckRange(const PortSpec& port, double x) {
  if (!std::isfinite(x)) return Invalid("\"", port.name, "\" must be a finite number");
  if (port.min.has_value() && x < *port.min) {
    return Invalid("\"", port.name, "\" is ", x, ", below its minimum of ", *port.min);
  }
  if (port.max.has_value() && x > *port.max) {
    return Invalid("\"", port.name, "\" is ", x, ", above its maximum of ", *port.max);
  }
  return absl::OkStatus();
}

}  // namespace

const PortSpec* Contract::Input(absl::string_view name) const { return Find(inputs, name); }
const PortSpec* Contract::Output(absl::string_view name) const { return Find(outputs, name); }
std::vector<std::string> Contract::InputNames() const { return Names(inputs); }
std::vector<std::string> Contract::OutputNames() const { return Names(outputs); }

absl::StatusOr<Value> CheckLiteral(const PortSpec& port, const Value& literal) {
  if (port.type.list) {
    const List* list = literal.AsList();
    if (list == nullptr) {
      return Invalid("\"", port.name, "\" expects ", port.type.ToString(), ", not ",
                     literal.kind());
    }
    PortSpec item = port;
    item.type.list = false;
    List checked;
    for (const Value& value : *list) {
      WEFT_ASSIGN_OR_RETURN(checked.emplace_back(), CheckLiteral(item, value));
    }
    return Value(std::move(checked));
  }
  const std::string& type = port.type.name;
  const bool scalar = type == "bool" || type == "int" || type == "float" || type == "text";
  if (!scalar && type != "any") {
    const bool handed_in = literal.AsObject() != nullptr || literal.AsTensor() != nullptr ||
                           literal.AsRecord() != nullptr;
    if (handed_in) return Invalid("\"", port.name, "\" expects ", type, ", not ", literal.kind());
    return Invalid("\"", port.name, "\" expects a wire that carries ", type, ", not a literal ",
                   literal.kind());
  }
  // JSON writers print 20.0 as 20 and the other way round.
  if (type == "float" && literal.AsInt() != nullptr) {
    const double x = static_cast<double>(*literal.AsInt());
    WEFT_RETURN_IF_ERROR(CheckRange(port, x));
    return Value(x);
  }
  if (!Matches(port.type, literal)) {
    return Invalid("\"", port.name, "\" expects ", type, ", not ", literal.kind());
  }
  if (const int64_t* x = literal.AsInt()) {
    WEFT_RETURN_IF_ERROR(CheckRange(port, static_cast<double>(*x)));
  }
  if (const double* x = literal.AsFloat()) WEFT_RETURN_IF_ERROR(CheckRange(port, *x));
  const std::string* text = literal.AsText();
  if (text != nullptr && !port.choices.empty() &&
      std::find(port.choices.begin(), port.choices.end(), *text) == port.choices.end()) {
    const std::string nearest = NearestName(*text, port.choices);
    return Invalid("\"", port.name, "\" is \"", *text,
                   "\", which is none of: ", absl::StrJoin(port.choices, ", "),
                   nearest.empty() ? "" : absl::StrCat("; did you mean \"", nearest, "\"?"));
  }
  return literal;
}

}  // namespace weft
