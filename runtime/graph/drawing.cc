#include "runtime/graph/drawing.h"

#include <utility>

#include "absl/container/btree_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/graph/frame.h"

namespace weft {
namespace {

std::string LiteralText(const Value& value) {
  if (value.is_null()) return "nothing";
  if (const bool* x = value.AsBool()) return *x ? "true" : "false";
  if (const int64_t* x = value.AsInt()) return absl::StrCat(*x);
  if (const double* x = value.AsFloat()) return absl::StrCat(*x);
  if (const std::string* x = value.AsText()) return absl::StrCat("\"", *x, "\"");
  if (const List* list = value.AsList()) {
    return absl::StrCat("[",
                        absl::StrJoin(*list, ", ",
                                      [](std::string* out, const Value& item) {
                                        absl::StrAppend(out, LiteralText(item));
                                      }),
                        "]");
  }
  return std::string(value.kind());
}

// A list of nodes on its way to a drawing.
struct Scope {
  const Frame* frame = nullptr;
  bool has_nodes = true;        // an If as a whole has none: its branches do
  const Entry* loop = nullptr;  // whose item, index and carried names are known here
  Drawing* drawing = nullptr;
  int entry = -1;               // the box of what comes in: of a body; of the graph, its params
  std::vector<InputDef> comes;  // what feeds each row of `entry`, in the scope around
  absl::btree_map<std::string, int> rows;   // of `entry`, by "node.port"
  absl::btree_map<std::string, int> boxes;  // by node id
};

class Drawer {
 public:
  Drawer(const GraphDef& graph, const Registry& registry, Composites& composites)
      : graph_(graph), resolver_(registry, composites, none_) {}

  Drawing Draw() {
    Frame top;
    top.graph = &graph_;
    resolver_.Declare(top, graph_.nodes);
    Drawing drawing;
    Scope scope;
    scope.frame = &top;
    scope.drawing = &drawing;
    if (!graph_.params.empty()) {
      scope.entry = NewBox(drawing, DrawnBox::Kind::kParams, "Params");
      for (const auto& [name, param] : graph_.params) {
        const PortSpec spec = resolver_.Spec(top, name, param);
        DrawnPort port{.label = name, .type = spec.type};
        if (!spec.fallback.is_null()) port.note = LiteralText(spec.fallback);
        scope.rows[absl::StrCat("graph.", name)] = NewRow(scope, std::move(port), {});
      }
    }
    Nodes(scope);
    if (!graph_.outputs.empty()) {
      const int outputs = NewBox(drawing, DrawnBox::Kind::kOutputs, "Outputs");
      for (const auto& [name, output] : graph_.outputs) Feed(scope, outputs, name, output);
    }
    return drawing;
  }

 private:
  static DrawnBox& At(Drawing& drawing, int box) { return drawing.boxes[static_cast<size_t>(box)]; }
  static int NewBox(Drawing& drawing, DrawnBox::Kind kind, std::string title) {
    DrawnBox& box = drawing.boxes.emplace_back();
    box.kind = kind;
    box.title = std::move(title);
    return static_cast<int>(drawing.boxes.size()) - 1;
  }
  static int NewRow(Scope& scope, DrawnPort port, InputDef comes) {
    std::vector<DrawnPort>& rows = At(*scope.drawing, scope.entry).outputs;
    rows.push_back(std::move(port));
    scope.comes.push_back(std::move(comes));
    return static_cast<int>(rows.size()) - 1;
  }

  Type TypeOf(const Frame& frame, const Wire& wire) {
    const Resolved resolved = resolver_.Follow(frame, wire, {});
    return resolved.known ? resolved.type : Type{"any"};
  }

  // A new input of `box`, and what feeds it.
  void Feed(Scope& scope, int box, const std::string& label, const InputDef& input) {
    const int port = static_cast<int>(At(*scope.drawing, box).inputs.size());
    At(*scope.drawing, box).inputs.push_back({.label = label});
    Connect(scope, box, port, input);
  }

  void Connect(Scope& scope, int box, int port, const InputDef& input) {
    const auto at = [&]() -> DrawnPort& {
      return At(*scope.drawing, box).inputs[static_cast<size_t>(port)];
    };
    if (const Value* literal = input.literal()) {
      if (!literal->is_null()) at().note = LiteralText(*literal);
      return;
    }
    std::vector<Wire> wires;
    if (input.wire() != nullptr) wires = {*input.wire()};
    if (input.wires() != nullptr) wires = *input.wires();
    for (const Wire& wire : wires) {
      const auto [from, from_port] = Find(scope, wire);
      if (from < 0) continue;
      DrawnPort& source = At(*scope.drawing, from).outputs[static_cast<size_t>(from_port)];
      source.wired = true;
      at().wired = true;
      at().type = source.type;
      scope.drawing->wires.push_back({from, from_port, box, port, source.type, {}});
    }
  }

  // The box and the output that a wire comes from. In a body, what lies outside comes in by a row
  // of its entry.
  std::pair<int, int> Find(Scope& scope, const Wire& wire) {
    if (scope.has_nodes) {
      if (const auto it = scope.boxes.find(wire.node); it != scope.boxes.end()) {
        return {it->second, Output(*scope.drawing, it->second, wire.port)};
      }
    }
    const bool own = scope.loop != nullptr && scope.loop->id == wire.node;
    std::string key = wire.port.empty() ? wire.node : absl::StrCat(wire.node, ".", wire.port);
    if (const auto it = scope.rows.find(key); it != scope.rows.end()) {
      return {scope.entry, it->second};
    }
    const bool top = scope.frame->around == nullptr && scope.has_nodes;
    if (top || (own && wire.port != "index")) return {-1, -1};  // it leads nowhere
    Wire outside = wire;
    outside.fields.clear();
    InputDef comes;
    if (!own) comes.source = outside;
    const int row =
        NewRow(scope, {.label = own ? wire.port : key, .type = TypeOf(*scope.frame, outside)},
               std::move(comes));
    scope.rows[key] = row;
    return {scope.entry, row};
  }

  static int Output(Drawing& drawing, int box, const std::string& name) {
    std::vector<DrawnPort>& outputs = At(drawing, box).outputs;
    if (name.empty() && !outputs.empty()) return 0;
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i].label == name) return static_cast<int>(i);
    }
    outputs.push_back({.label = name, .type = Type{"any"}});
    return static_cast<int>(outputs.size()) - 1;
  }

  // All boxes first, so that wires may lead anywhere.
  void Nodes(Scope& scope) {
    std::vector<std::pair<int, std::vector<InputDef>>> bodies;
    for (const std::unique_ptr<Entry>& entry : scope.frame->entries) {
      DrawnBox box;
      std::vector<InputDef> comes;
      if (entry->body != nullptr && entry->def->is_loop()) {
        box = Loop(*entry, comes);
      } else if (entry->body != nullptr && entry->else_body != nullptr) {
        box = If(scope, *entry, comes);
      } else {
        box = Node(*scope.frame, *entry);
      }
      scope.drawing->boxes.push_back(std::move(box));
      const int index = static_cast<int>(scope.drawing->boxes.size()) - 1;
      scope.boxes[entry->id] = index;
      bodies.emplace_back(index, std::move(comes));
    }
    size_t i = 0;
    for (const std::unique_ptr<Entry>& entry : scope.frame->entries) {
      const auto& [box, comes] = bodies[i++];
      for (size_t row = 0; row < comes.size(); ++row) {
        Connect(scope, box, static_cast<int>(row), comes[row]);
      }
      if (At(*scope.drawing, box).kind == DrawnBox::Kind::kBody) continue;
      for (const auto& [name, input] : entry->def->inputs) {
        if (const Value* literal = input.literal()) {
          At(*scope.drawing, box)
              .literals.push_back(absl::StrCat(name, ": ", LiteralText(*literal)));
        } else {
          Feed(scope, box, name, input);
        }
      }
    }
  }

  DrawnBox Node(const Frame& frame, const Entry& entry) {
    DrawnBox box;
    box.title = entry.id;
    box.subtitle = entry.def->type;
    std::vector<std::string> outputs;
    if (entry.type != nullptr) {
      box.doc = entry.type->contract.doc;
      outputs = entry.type->contract.OutputNames();
    } else if (entry.composite != nullptr) {
      box.kind = DrawnBox::Kind::kComposite;
      const GraphDef& graph = *entry.composite->graph;
      box.doc = graph.doc.empty() ? graph.title : graph.doc;
      for (const auto& [name, output] : graph.outputs) outputs.push_back(name);
    }
    for (const std::string& name : outputs) {
      box.outputs.push_back(
          {.label = name, .type = TypeOf(frame, {.node = entry.id, .port = name})});
    }
    return box;
  }

  // A box with boxes inside; `scope` draws into it.
  static DrawnBox Body(const std::string& title, const std::string& subtitle, Scope& scope) {
    DrawnBox box;
    box.kind = DrawnBox::Kind::kBody;
    box.title = title;
    box.subtitle = subtitle;
    box.inside = std::make_unique<Drawing>();
    scope.drawing = box.inside.get();
    scope.entry = NewBox(*box.inside, DrawnBox::Kind::kEntry, "");
    return box;
  }
  // The rows of the entry and of the exit are the ports of the box around them.
  static void Close(DrawnBox& box, int exit, Scope& scope, std::vector<InputDef>& comes) {
    box.inputs = At(*box.inside, scope.entry).outputs;
    for (DrawnPort& port : box.inputs) port.wired = false;
    box.outputs = At(*box.inside, exit).inputs;
    for (DrawnPort& port : box.outputs) port.wired = false;
    comes = std::move(scope.comes);
  }

  DrawnBox Loop(const Entry& entry, std::vector<InputDef>& comes) {
    const NodeDef& def = *entry.def;
    Scope scope;
    scope.frame = entry.body.get();
    scope.loop = &entry;
    DrawnBox box = Body(
        entry.id, def.while_carry.empty() ? "Loop" : absl::StrCat("Loop while ", def.while_carry),
        scope);
    box.doc = "Its body runs once a round; the names on the left go from round to round.";
    const auto add = [&](const std::string& name, const InputDef& input) {
      const Wire wire{.node = entry.id, .port = name};
      scope.rows[absl::StrCat(entry.id, ".", name)] =
          NewRow(scope, {.label = name, .type = TypeOf(*scope.frame, wire)}, input);
    };
    if (const InputDef* over = FindIn(def.inputs, "over")) add("item", *over);
    for (const auto& [name, initial] : def.carry) add(name, initial);
    Nodes(scope);
    const int exit = NewBox(*scope.drawing, DrawnBox::Kind::kExit, "");
    for (const auto& [name, next] : def.body->next) {
      Feed(scope, exit, name, next);
      // What a body gives back may be of any type; what is carried is not.
      DrawnPort& row = At(*scope.drawing, exit).inputs.back();
      if (row.type.name == "any") row.type = TypeOf(*scope.frame, {.node = entry.id, .port = name});
    }
    for (const auto& [name, item] : def.body->collect) {
      Feed(scope, exit, name, item);
      At(*scope.drawing, exit).inputs.back().note = "collected";
    }
    Close(box, exit, scope, comes);
    for (DrawnPort& port : box.outputs) {
      if (port.note == "collected") port.type.list = true;
    }
    return box;
  }

  DrawnBox If(Scope& around, const Entry& entry, std::vector<InputDef>& comes) {
    Scope scope;
    scope.frame = around.frame;
    scope.has_nodes = false;
    DrawnBox box = Body(entry.id, "If", scope);
    box.doc = "One of the two bodies runs.";
    if (const InputDef* condition = FindIn(entry.def->inputs, "condition")) {
      DrawnPort port{.label = "condition", .type = Type{"bool"}};
      if (condition->literal() != nullptr) port.note = LiteralText(*condition->literal());
      NewRow(scope, std::move(port), *condition);
    }
    const int exit = NewBox(*scope.drawing, DrawnBox::Kind::kExit, "");
    for (const auto& [name, output] : entry.def->body->outputs) {
      At(*scope.drawing, exit).inputs.push_back({.label = name});
    }
    for (const bool yes : {true, false}) {
      Branch(scope, exit, yes ? *entry.body : *entry.else_body,
             yes ? *entry.def->body : *entry.def->else_body, yes ? "then" : "else");
    }
    Close(box, exit, scope, comes);
    return box;
  }

  void Branch(Scope& around, int around_exit, const Frame& frame, const BodyDef& body,
              const std::string& title) {
    Scope scope;
    scope.frame = &frame;
    DrawnBox box = Body(title, "", scope);
    Nodes(scope);
    const int exit = NewBox(*scope.drawing, DrawnBox::Kind::kExit, "");
    for (const auto& [name, output] : body.outputs) Feed(scope, exit, name, output);
    std::vector<InputDef> comes;
    Close(box, exit, scope, comes);
    around.drawing->boxes.push_back(std::move(box));
    const int index = static_cast<int>(around.drawing->boxes.size()) - 1;
    for (size_t row = 0; row < comes.size(); ++row) {
      Connect(around, index, static_cast<int>(row), comes[row]);
    }
    DrawnBox& drawn = At(*around.drawing, index);
    for (size_t i = 0; i < drawn.outputs.size(); ++i) {
      std::vector<DrawnPort>& results = At(*around.drawing, around_exit).inputs;
      for (size_t k = 0; k < results.size(); ++k) {
        if (results[k].label != drawn.outputs[i].label) continue;
        drawn.outputs[i].wired = true;
        results[k].wired = true;
        results[k].type = drawn.outputs[i].type;
        around.drawing->wires.push_back({index,
                                         static_cast<int>(i),
                                         around_exit,
                                         static_cast<int>(k),
                                         drawn.outputs[i].type,
                                         {}});
      }
    }
  }

  const Overrides none_;
  const GraphDef& graph_;
  Resolver resolver_;
};

}  // namespace

Drawing MakeDrawing(const GraphDef& graph, const Registry& registry, Composites& composites) {
  return Drawer(graph, registry, composites).Draw();
}

}  // namespace weft
