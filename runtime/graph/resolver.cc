#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/frame.h"

namespace weft {
namespace {

Type ScalarType(const Value& value) {
  return value.is_null() ? Type{"any"} : Type{std::string(value.kind())};
}

std::vector<std::string> Keys(const absl::btree_map<std::string, Slot>& slots) {
  std::vector<std::string> keys;
  for (const auto& [name, slot] : slots) keys.push_back(name);
  return keys;
}

}  // namespace

Type Resolver::TypeOf(Slot slot) {
  SlotInfo& info = slots_[static_cast<size_t>(slot)];
  if (!info.later) return info.type;
  if (info.busy) return Type{"any"};  // it depends on itself: anything it says is right
  info.busy = true;
  const Type type = std::function<Type()>(info.later)();
  SlotInfo& known = slots_[static_cast<size_t>(slot)];
  known.busy = false;
  return type;
}

Type Resolver::SilentType(const Frame& frame, const InputDef& input) {
  const bool before = std::exchange(silent_, true);
  const Resolved resolved = Resolve(frame, input, {});
  silent_ = before;
  return resolved.known ? resolved.type : Type{"any"};
}

Resolved Resolver::Resolve(const Frame& frame, const InputDef& input, const Problem& at) {
  if (const Value* literal = input.literal()) {
    Source source;
    source.kind = literal->is_null() ? Source::Kind::kNone : Source::Kind::kLiteral;
    source.literal = *literal;
    return {true, std::move(source), ScalarType(*literal)};
  }
  if (const Wire* wire = input.wire()) return Follow(frame, *wire, at);
  Resolved list{true, {}, Type{"any", true}};
  list.source.kind = Source::Kind::kList;
  for (const Wire& wire : *input.wires()) {
    Resolved item = Follow(frame, wire, at);
    if (!item.known) return item;
    if (list.source.items.empty()) list.type.name = item.type.name;
    if (item.type.list || !Accepts(Type{list.type.name}, item.type)) {
      Note(at, absl::StrCat("\"", wire.ToString(), "\" carries ", item.type.ToString(),
                            ", but the list began with ", list.type.name));
      return {};
    }
    list.source.items.push_back(std::move(item.source));
  }
  return list;
}

Resolved Resolver::Follow(const Frame& frame, const Wire& wire, const Problem& at) {
  const auto with_fields = [&wire](Resolved resolved) {
    if (!wire.fields.empty() && resolved.known) {
      resolved.source.fields.insert(resolved.source.fields.end(), wire.fields.begin(),
                                    wire.fields.end());
      resolved.type = Type{"any"};  // records say what is in them when they are there
    }
    return resolved;
  };
  const auto slot = [&](const absl::btree_map<std::string, Slot>& slots,
                        absl::string_view what) -> Resolved {
    auto it = slots.find(wire.port);
    if (wire.port.empty() && slots.size() == 1) it = slots.begin();
    if (it == slots.end()) {
      Note(at, wire.port.empty()
                   ? absl::StrCat("\"", wire.ToString(), "\" does not say which output; ", what,
                                  " has: ", absl::StrJoin(Keys(slots), ", "))
                   : absl::StrCat("\"", wire.ToString(), "\" leads nowhere: ", what, " has no \"",
                                  wire.port, "\"", DidYouMean(wire.port, Keys(slots))));
      return {};
    }
    Source source;
    source.kind = Source::Kind::kSlot;
    source.slot = it->second;
    return with_fields({true, std::move(source), TypeOf(it->second)});
  };

  if (wire.node == "graph") return with_fields(Param(frame.Closed(), wire.port, at));
  for (const Frame* f = &frame; f != nullptr; f = f->around) {
    if (f->loop != nullptr && f->loop->id == wire.node) {
      return slot(f->loop->inside, absl::StrCat("inside the loop, \"", wire.node, "\""));
    }
    const Entry* entry = f->Find(wire.node);
    if (entry == nullptr) continue;
    if (entry->broken) return {};
    if (entry->composite == nullptr) {
      return slot(entry->outputs, absl::StrCat("\"", wire.node, "\" (", entry->def->type, ")"));
    }
    const Ordered<InputDef>& outputs = entry->composite->graph->outputs;
    const InputDef* output = FindIn(outputs, wire.port);
    if (wire.port.empty() && outputs.size() == 1) output = &outputs[0].second;
    if (output == nullptr) {
      std::vector<std::string> names;
      for (const auto& [name, input] : outputs) names.push_back(name);
      Note(at, absl::StrCat("\"", wire.ToString(), "\" leads nowhere: \"", wire.node, "\" (",
                            entry->def->type, ") has the outputs ", absl::StrJoin(names, ", ")));
      return {};
    }
    if (std::find(following_.begin(), following_.end(), entry) != following_.end()) {
      Note(at, absl::StrCat("the wires form a cycle through \"", wire.node, "\""));
      return {};
    }
    following_.push_back(entry);
    const absl::Cleanup done = [this] { following_.pop_back(); };
    return with_fields(Resolve(*entry->composite, *output, at));
  }
  Note(at, absl::StrCat("\"", wire.ToString(), "\" leads nowhere: there is no node \"", wire.node,
                        "\"", DidYouMean(wire.node, frame.Ids())));
  return {};
}

PortSpec Resolver::Spec(const Frame& frame, const std::string& name, const ParamDef& param) {
  PortSpec spec;
  spec.name = name;
  spec.type = param.type;
  spec.required = !param.fallback.has_value();
  if (!param.like.empty()) {
    const Wire like = Wire::Parse(param.like);
    const Entry* entry = frame.FindBelow(like.node);
    const PortSpec* port = nullptr;
    PortSpec inner;
    if (entry != nullptr && entry->type != nullptr) {
      port = entry->type->contract.Input(like.port);
    } else if (entry != nullptr && entry->composite != nullptr) {
      if (const ParamDef* other = FindIn(entry->composite->graph->params, like.port)) {
        inner = Spec(*entry->composite, like.port, *other);
        port = &inner;
      }
    }
    if (port == nullptr) {
      Problem at{.file = frame.graph->file,
                 .line = param.line,
                 .json_path = absl::StrCat("params.", name)};
      Note(at, absl::StrCat("\"like\": \"", param.like, "\" names no input of a node",
                            DidYouMean(like.node, frame.Ids())));
      spec.type = Type{"any"};
    } else {
      spec = *port;
      spec.name = name;
    }
  }
  if (param.min.has_value()) spec.min = param.min;
  if (param.max.has_value()) spec.max = param.max;
  if (!param.choices.empty()) spec.choices = param.choices;
  if (!param.doc.empty()) spec.doc = param.doc;
  if (param.fallback.has_value()) {
    spec.required = false;
    spec.fallback = *param.fallback;
    if (!spec.fallback.is_null()) {
      absl::StatusOr<Value> checked = CheckLiteral(spec, spec.fallback);
      if (checked.ok()) {
        spec.fallback = *std::move(checked);
      } else {
        Note({.file = frame.graph->file,
              .line = param.line,
              .json_path = absl::StrCat("params.", name, ".default")},
             std::string(checked.status().message()));
      }
    }
  }
  return spec;
}

const Value* Resolver::Override(const Frame& frame, const Entry& entry, const std::string& port) {
  std::string key = absl::StrCat(frame.path, entry.id, ".", port);
  std::replace(key.begin(), key.end(), '/', '.');
  const auto it = overrides_.inputs.find(key);
  if (it != overrides_.inputs.end()) used_overrides.insert(key);
  known_overrides.push_back(std::move(key));
  return it != overrides_.inputs.end() ? &it->second : nullptr;
}

Resolved Resolver::Param(const Frame& frame, const std::string& name, const Problem& at) {
  const ParamDef* param = FindIn(frame.graph->params, name);
  if (param == nullptr) {
    std::vector<std::string> names;
    for (const auto& [known, def] : frame.graph->params) names.push_back(known);
    Note(at, absl::StrCat("the graph has no param \"", name, "\"", DidYouMean(name, names)));
    return {};
  }
  const PortSpec spec = Spec(frame, name, *param);
  const auto literal = [&](const Value& value) -> Resolved {
    if (value.is_null()) return {true, {}, spec.type};
    absl::StatusOr<Value> checked = CheckLiteral(spec, value);
    if (!checked.ok()) return {};  // reported where the value was given
    Source source;
    source.kind = Source::Kind::kLiteral;
    source.literal = *std::move(checked);
    return {true, std::move(source), spec.type};
  };
  if (frame.call == nullptr) {
    const auto it = overrides_.params.find(name);
    if (it == overrides_.params.end() && spec.required && !values_needed) {
      Source source;
      source.kind = Source::Kind::kSlot;  // some value, some day
      return {true, std::move(source), spec.type};
    }
    if (it == overrides_.params.end()) return literal(spec.fallback);
    // Programs may hand in values that no literal can express.
    if (CheckLiteral(spec, it->second).ok() || !Matches(spec.type, it->second)) {
      return literal(it->second);
    }
    Source source;
    source.kind = Source::Kind::kLiteral;
    source.literal = it->second;
    return {true, std::move(source), spec.type};
  }
  if (const Value* value = Override(*frame.caller, *frame.call, name)) return literal(*value);
  const InputDef* input = FindIn(frame.call->def->inputs, name);
  if (input == nullptr) return literal(spec.fallback);
  if (input->literal() != nullptr) return literal(*input->literal());
  if (std::find(following_.begin(), following_.end(), input) != following_.end()) {
    Note(at, absl::StrCat("the wires form a cycle through \"", name, "\""));
    return {};
  }
  following_.push_back(input);
  const absl::Cleanup done = [this] { following_.pop_back(); };
  return Resolve(*frame.caller, *input, At(*frame.caller, *frame.call, name, input));
}

}  // namespace weft
