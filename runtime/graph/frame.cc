#include "runtime/graph/frame.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr size_t kMaxNesting = 64;
constexpr int kMaxSlots = 1 << 15;  // composites can multiply

Type ScalarType(const Value& value) {
  return value.is_null() ? Type{"any"} : Type{std::string(value.kind())};
}

std::vector<std::string> Keys(const absl::btree_map<std::string, Slot>& slots) {
  std::vector<std::string> keys;
  for (const auto& [name, slot] : slots) keys.push_back(name);
  return keys;
}

}  // namespace

Entry* Frame::Find(absl::string_view id) const {
  for (const std::unique_ptr<Entry>& entry : entries) {
    if (entry->id == id) return entry.get();
  }
  return nullptr;
}

Entry* Frame::FindBelow(absl::string_view id) const {
  if (Entry* entry = Find(id)) return entry;
  for (const std::unique_ptr<Entry>& entry : entries) {
    for (const Frame* body : {entry->body.get(), entry->else_body.get()}) {
      if (body == nullptr) continue;
      if (Entry* found = body->FindBelow(id)) return found;
    }
  }
  return nullptr;
}

std::vector<std::string> Frame::Ids() const {
  std::vector<std::string> ids = {"graph"};
  for (const Frame* frame = this; frame != nullptr; frame = frame->around) {
    for (const std::unique_ptr<Entry>& entry : frame->entries) ids.push_back(entry->id);
  }
  return ids;
}

Problem Resolver::At(const Frame& frame, const Entry& entry, absl::string_view port,
                     const InputDef* input) const {
  Problem problem;
  problem.file = frame.graph->file;
  problem.line = input != nullptr && input->line > 0 ? input->line : entry.def->line;
  problem.json_path = absl::StrCat(frame.json_path, entry.id);
  if (input != nullptr && !port.empty()) {
    absl::StrAppend(&problem.json_path, input->literal() != nullptr ? ".params." : ".inputs.",
                    port);
  }
  problem.node = absl::StrCat(frame.path, entry.id);
  problem.type = entry.def->type;
  problem.port = std::string(port);
  return problem;
}

void Resolver::Note(Problem at, std::string message) {
  if (silent_) return;
  at.message = std::move(message);
  // The same fault of a composite's file shows once, however often it is used.
  const std::string text = at.ToString();
  for (const Problem& known : problems) {
    if (known.ToString() == text) return;
  }
  problems.push_back(std::move(at));
}

void Resolver::Declare(Frame& frame, const Ordered<NodeDef>& nodes) {
  for (const auto& [id, def] : nodes) {
    if (too_many_) return;
    auto owned = std::make_unique<Entry>();
    Entry& entry = *owned;
    entry.id = id;
    entry.def = &def;
    for (const Frame* outer = frame.around; outer != nullptr; outer = outer->around) {
      if (outer->Find(id) != nullptr) {
        Note(At(frame, entry), absl::StrCat("a node of the graph around it is called \"", id,
                                            "\" too; choose another id"));
      }
    }
    frame.entries.push_back(std::move(owned));
    if (def.is_loop()) {
      DeclareLoop(frame, entry);
    } else if (def.is_if()) {
      DeclareIf(frame, entry);
    } else if ((entry.type = registry_.Find(def.type)) != nullptr) {
      for (const PortSpec& port : entry.type->contract.outputs) {
        entry.outputs[port.name] = NewSlot(port.type);
      }
    } else {
      DeclareComposite(frame, entry);
    }
  }
}

std::unique_ptr<Frame> Resolver::BodyFrame(Frame& around, const Entry& entry, const BodyDef& body,
                                           absl::string_view name) {
  auto frame = std::make_unique<Frame>();
  frame->graph = around.graph;
  frame->around = &around;
  frame->path = absl::StrCat(around.path, entry.id, "/");
  frame->json_path = absl::StrCat(around.json_path, entry.id, ".", name, ".nodes.");
  frame->loop = entry.def->is_loop() ? &entry : nullptr;
  Declare(*frame, body.nodes);
  return frame;
}

void Resolver::DeclareLoop(Frame& frame, Entry& entry) {
  const NodeDef& def = *entry.def;
  if (def.body == nullptr) {
    entry.broken = true;
    return;
  }
  const Frame* around = &frame;
  entry.inside["index"] = NewSlot(Type{"int"});
  if (const InputDef* over = FindIn(def.inputs, "over")) {
    entry.inside["item"] = NewSlot([this, around, over] {
      Type type = SilentType(*around, *over);
      type.list = false;
      return type;
    });
  }
  for (const auto& [name, initial] : def.carry) {
    const InputDef* first = &initial;
    const InputDef* next = FindIn(def.body->next, name);
    Entry* self = &entry;
    const auto type = [this, around, first, next, self] {
      const Type begins = SilentType(*around, *first);
      if (begins.name != "any" || next == nullptr || self->body == nullptr) return begins;
      return SilentType(*self->body, *next);
    };
    if (name == "item" || name == "index") {
      Note(At(frame, entry), absl::StrCat("\"", name, "\" is taken: choose another name to carry"));
    }
    entry.inside[name] = NewSlot(type);
    entry.outputs[name] = NewSlot(type);
  }
  for (const auto& [name, item] : def.body->collect) {
    if (entry.outputs.contains(name)) {
      Note(At(frame, entry), absl::StrCat("\"", name, "\" is both carried and collected"));
      continue;
    }
    const InputDef* collected = &item;
    Entry* self = &entry;
    entry.outputs[name] = NewSlot([this, self, collected] {
      Type type = self->body != nullptr ? SilentType(*self->body, *collected) : Type{"any"};
      type.list = true;  // a list of lists has no name of its own
      return type;
    });
  }
  entry.body = BodyFrame(frame, entry, *def.body, "body");
}

void Resolver::DeclareIf(Frame& frame, Entry& entry) {
  const NodeDef& def = *entry.def;
  if (def.body == nullptr || def.else_body == nullptr) {
    entry.broken = true;
    return;
  }
  for (const auto& [name, output] : def.body->outputs) {
    const InputDef* result = &output;
    Entry* self = &entry;
    entry.outputs[name] = NewSlot([this, self, result] {
      return self->body != nullptr ? SilentType(*self->body, *result) : Type{"any"};
    });
  }
  entry.body = BodyFrame(frame, entry, *def.body, "then");
  entry.else_body = BodyFrame(frame, entry, *def.else_body, "else");
}

void Resolver::DeclareComposite(Frame& frame, Entry& entry) {
  const std::string& type = entry.def->type;
  entry.broken = true;
  // A composite inside itself would never end.
  std::vector<std::string> chain = {type};
  for (const Frame* f = &frame.Closed(); f->call != nullptr; f = &f->caller->Closed()) {
    chain.push_back(f->call->def->type);
    if (chain.back() == type) {
      std::reverse(chain.begin(), chain.end());
      Note(At(frame, entry),
           absl::StrCat("the composite contains itself: ", absl::StrJoin(chain, " → ")));
      return;
    }
    if (chain.size() > kMaxNesting) {
      Note(At(frame, entry), absl::StrCat("composites are nested deeper than ", kMaxNesting));
      return;
    }
  }
  // What a graph inlines holds for the composites that it inlines as well.
  absl::StatusOr<std::shared_ptr<const GraphDef>> graph = absl::NotFoundError("");
  for (const Frame* f = &frame.Closed(); absl::IsNotFound(graph.status());
       f = &f->caller->Closed()) {
    graph = composites_.Find(type, *f->graph);
    if (f->caller == nullptr) break;
  }
  if (!graph.ok()) {
    if (absl::IsNotFound(graph.status())) {
      std::vector<std::string> known = registry_.TypeNames();
      for (std::string& name : composites_.TypeNames()) known.push_back(std::move(name));
      for (const auto& [name, g] : frame.Closed().graph->composites) known.push_back(name);
      known.insert(known.end(), {"Loop", "If"});
      Note(At(frame, entry),
           absl::StrCat("unknown node type \"", type, "\"", DidYouMean(type, known)));
    } else {
      for (Problem& problem : ProblemsOf(graph.status())) Note(problem, problem.message);
    }
    return;
  }
  if (slots() > kMaxSlots) {
    too_many_ = true;
    Note(At(frame, entry), absl::StrCat("the graph has grown past ", kMaxSlots,
                                        " values: too many composites inside composites"));
    return;
  }
  entry.broken = false;
  entry.composite = std::make_unique<Frame>();
  Frame& inside = *entry.composite;
  inside.graph = graph->get();
  inside.caller = &frame;
  inside.call = &entry;
  inside.path = absl::StrCat(frame.path, entry.id, "/");
  inside.json_path = "nodes.";
  Declare(inside, inside.graph->nodes);
}

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
