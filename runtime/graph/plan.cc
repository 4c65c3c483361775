#include "runtime/graph/plan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/frame.h"
#include "runtime/graph/given_value.h"
#include "runtime/graph/plan_order.h"

namespace weft {
namespace {

// A `while` loop that never ends would hang whoever runs the graph.
constexpr int64_t kMaxRounds = 100000;

// Connects every entry of the frames that Resolver has declared, and lays out the plan's nodes.
class Planner {
 public:
  explicit Planner(Resolver& resolver) : resolver_(resolver) {}

  // Composites are flattened: their nodes join the block that they stand in.
  void Connect(Frame& frame, Block& block) {
    for (const std::unique_ptr<Entry>& entry : frame.entries) {
      if (entry->broken) continue;
      if (entry->composite != nullptr) {
        ConnectComposite(frame, *entry, block);
      } else if (entry->def->is_loop()) {
        ConnectLoop(frame, *entry, block);
      } else if (entry->def->is_if()) {
        ConnectIf(frame, *entry, block);
      } else {
        ConnectNode(frame, *entry, block);
      }
    }
  }

 private:
  PlannedNode NewNode(const Frame& frame, const Entry& entry) {
    PlannedNode node;
    node.path = absl::StrCat(frame.path, entry.id);
    node.type = entry.def->type;
    node.node = entry.type;
    node.file = frame.graph->file;
    node.line = entry.def->line;
    for (const auto& [port, slot] : entry.outputs) node.outputs.emplace_back(port, slot);
    return node;
  }

  void UnknownInputs(const Frame& frame, const Entry& entry,
                     const std::vector<std::string>& known) {
    for (const auto& [name, input] : entry.def->inputs) {
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      resolver_.Note(resolver_.At(frame, entry, "", &input),
                     absl::StrCat("has no ", input.literal() != nullptr ? "param" : "input", " \"",
                                  name, "\"", DidYouMean(name, known)));
    }
  }

  // What feeds `port` of an entry: an override, the graph, or the default.
  PlannedInput Connected(const Frame& frame, const Entry& entry, const PortSpec& port) {
    PlannedInput planned;
    planned.port = port.name;
    planned.type = port.type;
    const InputDef* input = FindIn(entry.def->inputs, port.name);
    InputDef overridden;
    if (const Value* value = resolver_.Override(frame, entry, port.name)) {
      overridden.source = *value;
      input = &overridden;
    }
    const Problem at = resolver_.At(frame, entry, port.name, input);
    planned.line = at.line;
    if (input == nullptr) {
      planned.source.literal = port.fallback;
      planned.source.kind = port.fallback.is_null() ? Source::Kind::kNone : Source::Kind::kLiteral;
      if (port.required) Missing(frame, entry, port);
      return planned;
    }
    if (const Value* literal = input->literal()) {
      if (literal->is_null() && !port.required) return planned;
      Literal(port, *literal, at, planned);
      return planned;
    }
    Resolved resolved = resolver_.Resolve(frame, *input, at);
    if (!resolved.known) return planned;
    if (const Wire* wire = input->wire()) planned.from = wire->ToString();
    if (resolved.source.kind == Source::Kind::kNone) {
      // An optional param of a composite that nobody gave.
      planned.source.literal = port.fallback;
      if (!port.fallback.is_null()) planned.source.kind = Source::Kind::kLiteral;
      if (port.required) Missing(frame, entry, port);
      return planned;
    }
    if (resolved.source.kind == Source::Kind::kLiteral && resolved.source.fields.empty()) {
      if (IsHandedIn(resolved.source.literal)) {
        planned.source = std::move(resolved.source);
      } else {
        Literal(port, resolved.source.literal, at, planned);
      }
      return planned;
    }
    // One value is a list of one.
    if (port.type.list && port.type.name != "any" && !resolved.type.list &&
        resolved.type.name != "any" && Accepts(Type{port.type.name}, resolved.type)) {
      planned.source.kind = Source::Kind::kList;
      planned.source.items.push_back(std::move(resolved.source));
      return planned;
    }
    if (!Accepts(port.type, resolved.type)) {
      resolver_.Note(at, absl::StrCat("expects ", port.type.ToString(), ", but \"", planned.from,
                                      "\" carries ", resolved.type.ToString()));
    }
    planned.source = std::move(resolved.source);
    return planned;
  }

  void Missing(const Frame& frame, const Entry& entry, const PortSpec& port) {
    resolver_.Note(resolver_.At(frame, entry, port.name),
                   absl::StrCat("is missing: it needs ", port.type.ToString(),
                                port.doc.empty() ? "" : absl::StrCat(" (", port.doc, ")")));
  }

  void Literal(const PortSpec& port, const Value& literal, Problem at, PlannedInput& planned) {
    absl::StatusOr<Value> checked = CheckLiteral(port, literal);
    if (!checked.ok()) {
      at.port.clear();  // the message leads with it
      resolver_.Note(std::move(at), std::string(checked.status().message()));
      return;
    }
    planned.source.kind = Source::Kind::kLiteral;
    planned.source.literal = *std::move(checked);
  }

  void ConnectNode(const Frame& frame, const Entry& entry, Block& block) {
    UnknownInputs(frame, entry, entry.type->contract.InputNames());
    PlannedNode node = NewNode(frame, entry);
    for (const PortSpec& port : entry.type->contract.inputs) {
      node.inputs.push_back(Connected(frame, entry, port));
    }
    block.push_back(std::move(node));
  }

  void ConnectComposite(Frame& frame, Entry& entry, Block& block) {
    std::vector<std::string> names;
    for (const auto& [name, param] : entry.composite->graph->params) {
      names.push_back(name);
      // Checked here, where the graph's author can see it; used wherever graph.NAME stands.
      Connected(frame, entry, resolver_.Spec(*entry.composite, name, param));
    }
    UnknownInputs(frame, entry, names);
    Connect(*entry.composite, block);
  }

  // A result of a body: what `input` comes to, of a type that `wanted` accepts.
  Source Result(const Frame& body, const Problem& at, const InputDef& input, const Type& wanted) {
    Resolved resolved = resolver_.Resolve(body, input, at);
    if (!resolved.known) return {};
    if (!Accepts(wanted, resolved.type)) {
      resolver_.Note(
          at, absl::StrCat("expects ", wanted.ToString(), ", but gets ", resolved.type.ToString()));
    }
    return std::move(resolved.source);
  }

  void ConnectLoop(Frame& frame, Entry& entry, Block& block) {
    const NodeDef& def = *entry.def;
    PlannedNode node = NewNode(frame, entry);
    node.loop = std::make_unique<LoopPlan>();
    LoopPlan& loop = *node.loop;
    const Problem at = resolver_.At(frame, entry);
    UnknownInputs(frame, entry, {"over", "max_rounds"});
    const bool over = FindIn(def.inputs, "over") != nullptr;
    if (!over && def.while_carry.empty()) {
      resolver_.Note(at, "a Loop goes \"over\" a list, \"while\" a carried bool holds, or both");
    }
    PortSpec port;
    port.name = "over";
    port.type = Type{"any", true};
    if (over) loop.over = Connected(frame, entry, port).source;
    port = PortSpec();
    port.name = "max_rounds";
    port.type = Type{"int"};
    port.min = 1;
    port.fallback = Value(kMaxRounds);
    const PlannedInput rounds = Connected(frame, entry, port);
    loop.max_rounds =
        rounds.source.literal.AsInt() != nullptr ? *rounds.source.literal.AsInt() : kMaxRounds;
    loop.index = entry.inside.at("index");
    if (over) loop.item = entry.inside.at("item");
    for (const auto& [name, initial] : def.carry) {
      Carry& carry = loop.carries.emplace_back();
      carry.name = name;
      carry.inside = entry.inside.at(name);
      carry.outside = entry.outputs.at(name);
      Problem here = resolver_.At(frame, entry, absl::StrCat("carry.", name), &initial);
      if (Resolved first = resolver_.Resolve(frame, initial, here); first.known) {
        carry.initial = std::move(first.source);
      }
      if (name == def.while_carry) {
        loop.while_carry = static_cast<int>(loop.carries.size()) - 1;
        if (!Accepts(Type{"bool"}, resolver_.TypeOf(carry.inside))) {
          resolver_.Note(here, absl::StrCat("\"while\" needs a bool, but \"", name, "\" carries ",
                                            resolver_.TypeOf(carry.inside).ToString()));
        }
      }
      const InputDef* next = FindIn(def.body->next, name);
      if (next == nullptr) {
        resolver_.Note(
            here, absl::StrCat("the body's \"next\" does not say what \"", name, "\" becomes"));
        continue;
      }
      here.line = next->line;
      carry.next = Result(*entry.body, here, *next, resolver_.TypeOf(carry.inside));
    }
    std::vector<std::string> carried;
    for (const auto& [name, initial] : def.carry) carried.push_back(name);
    if (!def.while_carry.empty() && loop.while_carry < 0) {
      resolver_.Note(at,
                     absl::StrCat("\"while\" names \"", def.while_carry, "\", which is not carried",
                                  DidYouMean(def.while_carry, carried)));
    }
    for (const auto& [name, next] : def.body->next) {
      if (FindIn(def.carry, name) == nullptr) {
        resolver_.Note(resolver_.At(frame, entry, absl::StrCat("next.", name), &next),
                       absl::StrCat("nothing carries \"", name, "\"", DidYouMean(name, carried)));
      }
    }
    for (const auto& [name, item] : def.body->collect) {
      if (!entry.outputs.contains(name) || FindIn(def.carry, name) != nullptr) continue;
      Collect& collect = loop.collects.emplace_back();
      collect.name = name;
      collect.outside = entry.outputs.at(name);
      const Problem here = resolver_.At(frame, entry, absl::StrCat("collect.", name), &item);
      collect.item = Result(*entry.body, here, item, Type{"any"});
    }
    Connect(*entry.body, loop.body);
    block.push_back(std::move(node));
  }

  void ConnectIf(Frame& frame, Entry& entry, Block& block) {
    const NodeDef& def = *entry.def;
    PlannedNode node = NewNode(frame, entry);
    node.conditional = std::make_unique<IfPlan>();
    IfPlan& plan = *node.conditional;
    UnknownInputs(frame, entry, {"condition"});
    PortSpec port;
    port.name = "condition";
    port.type = Type{"bool"};
    port.required = true;
    plan.condition = Connected(frame, entry, port).source;
    for (const auto& [name, slot] : entry.outputs) {
      plan.outputs.push_back(slot);
      const InputDef* yes = FindIn(def.body->outputs, name);
      const InputDef* no = FindIn(def.else_body->outputs, name);
      Problem at = resolver_.At(frame, entry, name, yes);
      plan.then.results.push_back(Result(*entry.body, at, *yes, Type{"any"}));
      if (no == nullptr) {
        resolver_.Note(at, "is an output of \"then\" alone; \"else\" must give it too");
        plan.otherwise.results.emplace_back();
        continue;
      }
      at.line = no->line;
      plan.otherwise.results.push_back(Result(*entry.else_body, at, *no, resolver_.TypeOf(slot)));
    }
    for (const auto& [name, output] : def.else_body->outputs) {
      if (!entry.outputs.contains(name)) {
        resolver_.Note(resolver_.At(frame, entry, name, &output),
                       "is an output of \"else\" alone; \"then\" must give it too");
      }
    }
    Connect(*entry.body, plan.then.block);
    Connect(*entry.else_body, plan.otherwise.block);
    block.push_back(std::move(node));
  }

  Resolver& resolver_;
};

// The graph's own params: what was given must exist, fit, and leave nothing required open.
Ordered<PortSpec> CheckParams(const Frame& top, const Overrides& overrides, Resolver& resolver) {
  Ordered<PortSpec> params;
  std::vector<std::string> names;
  for (const auto& [name, def] : top.graph->params) {
    names.push_back(name);
    params.emplace_back(name, resolver.Spec(top, name, def));
    const PortSpec& spec = params.back().second;
    const Problem at{
        .file = top.graph->file, .line = def.line, .json_path = absl::StrCat("params.", name)};
    const auto it = overrides.params.find(name);
    if (it == overrides.params.end()) {
      if (spec.required && resolver.values_needed) {
        resolver.Note(at, absl::StrCat("needs a value of type ", spec.type.ToString(), ": give \"",
                                       name, "\""));
      }
      continue;
    }
    const absl::Status given = CheckGiven(spec, it->second).status();
    if (!given.ok()) resolver.Note(at, std::string(given.message()));
  }
  for (const auto& [name, value] : overrides.params) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      resolver.Note({.file = top.graph->file},
                    absl::StrCat("the graph has no param \"", name, "\"", DidYouMean(name, names)));
    }
  }
  return params;
}

void AddComposites(const Frame& frame, GraphDef& into) {
  for (const std::unique_ptr<Entry>& entry : frame.entries) {
    if (entry->composite != nullptr) {
      into.composites.emplace(entry->def->type,
                              std::make_shared<GraphDef>(*entry->composite->graph));
      AddComposites(*entry->composite, into);
    }
    if (entry->body != nullptr) AddComposites(*entry->body, into);
    if (entry->else_body != nullptr) AddComposites(*entry->else_body, into);
  }
}

// The plan as far as it can be made; `resolver` holds what is wrong with it.
Plan PlanWith(Resolver& resolver, const GraphDef& graph, const Overrides& overrides) {
  Frame top;
  top.graph = &graph;
  top.json_path = "nodes.";
  resolver.Declare(top, graph.nodes);
  Plan plan;
  plan.params = CheckParams(top, overrides, resolver);
  Planner(resolver).Connect(top, plan.nodes);
  for (const auto& [name, input] : graph.outputs) {
    const Problem at{
        .file = graph.file, .line = input.line, .json_path = absl::StrCat("outputs.", name)};
    Resolved resolved = resolver.Resolve(top, input, at);
    if (!resolved.known) continue;
    plan.outputs.push_back({name, resolved.type, std::move(resolved.source),
                            input.wire() != nullptr ? input.wire()->ToString() : ""});
  }
  for (const auto& [key, value] : overrides.inputs) {
    if (resolver.used_overrides.contains(key)) continue;
    resolver.Note({.file = graph.file}, absl::StrCat("no node has an input \"", key, "\"",
                                                     DidYouMean(key, resolver.known_overrides)));
  }
  plan.slots = resolver.slots();
  return plan;
}

}  // namespace

absl::StatusOr<Plan> MakePlan(const GraphDef& graph, const Registry& registry,
                              Composites& composites, const Overrides& overrides) {
  Resolver resolver(registry, composites, overrides);
  Plan plan = PlanWith(resolver, graph, overrides);
  if (resolver.problems.empty()) OrderPlan(plan, graph, resolver.problems);
  if (!resolver.problems.empty()) return ToStatus(resolver.problems);
  return plan;
}

std::vector<Problem> ProblemsWithoutValues(const GraphDef& graph, const Registry& registry,
                                           Composites& composites) {
  const Overrides none;
  Resolver resolver(registry, composites, none);
  resolver.values_needed = false;
  PlanWith(resolver, graph, none);
  return std::move(resolver.problems);
}

absl::StatusOr<GraphDef> Inlined(const GraphDef& graph, const Registry& registry,
                                 Composites& composites) {
  const Overrides none;
  Resolver resolver(registry, composites, none);
  Frame top;
  top.graph = &graph;
  resolver.Declare(top, graph.nodes);
  if (!resolver.problems.empty()) return ToStatus(resolver.problems);
  GraphDef inlined = graph;
  AddComposites(top, inlined);
  return inlined;
}

absl::StatusOr<Ordered<PortSpec>> ParamsOf(const GraphDef& graph, const Registry& registry,
                                           Composites& composites) {
  const Overrides none;
  Resolver resolver(registry, composites, none);
  Frame top;
  top.graph = &graph;
  resolver.Declare(top, graph.nodes);
  Ordered<PortSpec> params;
  for (const auto& [name, def] : graph.params) {
    params.emplace_back(name, resolver.Spec(top, name, def));
  }
  if (!resolver.problems.empty()) return ToStatus(resolver.problems);
  return params;
}

}  // namespace weft
