// How a script writes a graph: weft.describe, param, output, composite, Loop, If, and calls of
// nodes.

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "lua/call.h"
#include "lua/door.h"
#include "lua/values.h"
#include "lua/wires.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr size_t kMostNestedGraphs = 16;

absl::StatusOr<Building*> Current(lua_State* L, absl::string_view function) {
  Door& door = Door::Of(L);
  if (door.is_building()) return door.building.back().get();
  return Invalid("weft.", function, ": no graph is being written here; see weft.graph");
}

absl::Status CheckName(absl::string_view name) {
  const bool good = !name.empty() && name.size() <= 128 &&
                    std::all_of(name.begin(), name.end(), [](unsigned char c) {
                      return absl::ascii_isalnum(c) || c == '_' || c == '-';
                    });
  if (good) return absl::OkStatus();
  return Invalid("names are made of letters, digits, \"_\" and \"-\", at most 128 of them");
}

// The first element of the table at `index`, a name; "" where there is none.
absl::StatusOr<std::string> NameIn(lua_State* L, int index) {
  lua_rawgeti(L, index, 1);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return "";
  }
  WEFT_ASSIGN_OR_RETURN(std::string name, CheckText(L, -1));
  lua_pop(L, 1);
  WEFT_RETURN_IF_ERROR(CheckName(name));
  return name;
}

absl::StatusOr<std::string> RequiredName(lua_State* L, int index, absl::string_view function) {
  if (!lua_istable(L, index)) {
    return Invalid("weft.", function, " takes one table, not ", KindAt(L, index));
  }
  WEFT_ASSIGN_OR_RETURN(std::string name, NameIn(L, index));
  if (name.empty()) return Invalid("weft.", function, "{…} needs a name as its first element");
  return name;
}

absl::Status Unknown(absl::string_view what, const std::string& key,
                     const std::vector<std::string>& known) {
  return Invalid(what, " knows no \"", key, "\"", DidYouMean(key, known));
}

absl::StatusOr<int> Describe(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(Building * graph, Current(L, "describe"));
  if (!lua_istable(L, 1)) return Invalid("weft.describe takes a table with title and doc");
  WEFT_RETURN_IF_ERROR(ForEachNamed(L, 1, [&](const std::string& key) -> absl::Status {
    GraphDef& def = graph->builder.graph();
    std::string* field = key == "title"    ? &def.title
                         : key == "doc"    ? &def.doc
                         : key == "schema" ? &def.schema
                                           : nullptr;
    if (field == nullptr) return Unknown("weft.describe", key, {"title", "doc", "schema"});
    absl::StatusOr<std::string> text = CheckText(L, -1);
    if (!text.ok()) return Annotate(text.status(), key);
    *field = *std::move(text);
    return absl::OkStatus();
  }));
  return 0;
}

// The table at `index` as a param, or as a port that a node declares.
absl::StatusOr<ParamDef> ParamIn(lua_State* L, int index, absl::string_view what) {
  ParamDef param;
  param.line = PlaceOf(L).line;
  const absl::Status status = ForEachNamed(L, index, [&](const std::string& key) -> absl::Status {
    if (key == "type") {
      WEFT_ASSIGN_OR_RETURN(const std::string type, CheckText(L, -1));
      param.type = Type::Parse(type);
    } else if (key == "like") {
      WEFT_ASSIGN_OR_RETURN(param.like, CheckText(L, -1));
    } else if (key == "doc") {
      WEFT_ASSIGN_OR_RETURN(param.doc, CheckText(L, -1));
    } else if (key == "default") {
      WEFT_ASSIGN_OR_RETURN(param.fallback, ToValue(L, -1));
    } else if (key == "min") {
      WEFT_ASSIGN_OR_RETURN(param.min, CheckNumber(L, -1));
    } else if (key == "max") {
      WEFT_ASSIGN_OR_RETURN(param.max, CheckNumber(L, -1));
    } else if (key == "choices") {
      WEFT_ASSIGN_OR_RETURN(const Value choices, ToValue(L, -1));
      if (choices.AsList() == nullptr) return Invalid("expected a table of texts");
      for (const Value& choice : *choices.AsList()) {
        if (choice.AsText() == nullptr) return Invalid("expected a table of texts");
        param.choices.push_back(*choice.AsText());
      }
    } else {
      return Unknown(what, key, {"type", "like", "default", "min", "max", "choices", "doc"});
    }
    return absl::OkStatus();
  });
  WEFT_RETURN_IF_ERROR(status);
  if (param.type.name.empty() == param.like.empty()) {
    return Invalid(what, " needs either a type or a like");
  }
  return param;
}

absl::StatusOr<int> Param(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(Building * graph, Current(L, "param"));
  WEFT_ASSIGN_OR_RETURN(const std::string name, RequiredName(L, 1, "param"));
  absl::StatusOr<ParamDef> param = ParamIn(L, 1, absl::StrCat("param \"", name, "\""));
  if (!param.ok()) return param.status();
  WEFT_RETURN_IF_ERROR(graph->builder.AddParam(name, *std::move(param)));
  PushWire(L, graph->number, Wire{"graph", name, {}});
  return 1;
}

absl::StatusOr<int> Output(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(Building * graph, Current(L, "output"));
  if (graph->builder.is_open()) return Invalid("weft.output stands outside of Loop and If");
  WEFT_ASSIGN_OR_RETURN(const std::string name, RequiredName(L, 1, "output"));
  lua_rawgeti(L, 1, 2);
  absl::StatusOr<InputDef> wire = WireAt(L, -1);
  if (!wire.ok()) return Annotate(wire.status(), absl::StrCat("output \"", name, "\""));
  absl::btree_map<std::string, double> bounds;
  WEFT_RETURN_IF_ERROR(ForEachNamed(L, 1, [&](const std::string& bound) -> absl::Status {
    absl::StatusOr<double> x = CheckNumber(L, -1);
    if (!x.ok()) return Annotate(x.status(), bound);
    bounds[bound] = *x;
    return absl::OkStatus();
  }));
  WEFT_RETURN_IF_ERROR(graph->builder.AddOutput(name, *std::move(wire)));
  if (!bounds.empty()) graph->builder.graph().expect.emplace_back(name, std::move(bounds));
  return 0;
}

absl::StatusOr<Ordered<ParamDef>> PortsIn(lua_State* L, int index, const std::string& what) {
  Ordered<ParamDef> ports;
  if (!lua_istable(L, index)) return Invalid(what, ": expected a table, not ", KindAt(L, index));
  const absl::Status status = ForEachNamed(L, index, [&](const std::string& name) -> absl::Status {
    WEFT_RETURN_IF_ERROR(CheckName(name));
    const std::string port = absl::StrCat(what, ".", name);
    if (!lua_istable(L, -1)) return Invalid(port, ": expected a table such as {type=\"latent\"}");
    WEFT_ASSIGN_OR_RETURN(ParamDef param, ParamIn(L, lua_gettop(L), port));
    ports.emplace_back(name, std::move(param));
    return absl::OkStatus();
  });
  WEFT_RETURN_IF_ERROR(status);
  return ports;
}

absl::Status ReadPorts(lua_State* L, NodeDef& node) {
  if (!lua_istable(L, -1)) return Invalid("\"ports\" is a table with inputs and outputs");
  return ForEachNamed(L, -1, [&](const std::string& side) -> absl::Status {
    if (side != "inputs" && side != "outputs") return Unknown("ports", side, {"inputs", "outputs"});
    WEFT_ASSIGN_OR_RETURN((side == "inputs" ? node.declared_inputs : node.declared_outputs),
                          PortsIn(L, lua_gettop(L), absl::StrCat("ports.", side)));
    return absl::OkStatus();
  });
}

// In the order of the contract, where there is one.
void Sort(Ordered<InputDef>& inputs, const absl::StatusOr<Contract>& contract) {
  if (!contract.ok()) return;
  const std::vector<std::string> names = contract->InputNames();
  const auto place = [&names](const auto& input) {
    return std::find(names.begin(), names.end(), input.first) - names.begin();
  };
  std::stable_sort(inputs.begin(), inputs.end(),
                   [&](const auto& a, const auto& b) { return place(a) < place(b); });
}

// A table of wires by name, such as "next". Literals stand where `or_null` allows it.
absl::StatusOr<Ordered<InputDef>> NamedInputs(lua_State* L, int index, const std::string& what,
                                              bool literals) {
  Ordered<InputDef> inputs;
  if (lua_isnil(L, index)) return inputs;
  if (!lua_istable(L, index)) return Invalid(what, ": expected a table, not ", KindAt(L, index));
  const absl::Status status = ForEachNamed(L, index, [&](const std::string& name) -> absl::Status {
    WEFT_RETURN_IF_ERROR(CheckName(name));
    absl::StatusOr<InputDef> input = literals ? InputAt(L, -1) : WireAt(L, -1);
    if (!input.ok()) return Annotate(input.status(), absl::StrCat(what, ".", name));
    inputs.emplace_back(name, *std::move(input));
    return absl::OkStatus();
  });
  WEFT_RETURN_IF_ERROR(status);
  return inputs;
}

absl::Status PushBuilt(lua_State* L, Building& graph, const std::string& id,
                       const std::string& type) {
  WEFT_ASSIGN_OR_RETURN(const std::vector<PortSpec> ports, graph.builder.OutputsOf(id));
  std::vector<std::string> outputs;
  for (const PortSpec& port : ports) outputs.push_back(port.name);
  PushNode(L, graph.number, id, type, std::move(outputs));
  return absl::OkStatus();
}

// The member `name` of the table at 1, onto the stack.
void PushMember(lua_State* L, const char* name) {
  lua_pushstring(L, name);
  lua_rawget(L, 1);
}

absl::StatusOr<Ordered<InputDef>> MemberInputs(lua_State* L, const char* name, bool literals) {
  PushMember(L, name);
  absl::StatusOr<Ordered<InputDef>> inputs = NamedInputs(L, lua_gettop(L), name, literals);
  lua_pop(L, 1);
  return inputs;
}

absl::Status CheckKeys(lua_State* L, absl::string_view what,
                       const std::vector<std::string>& known) {
  return ForEachNamed(L, 1, [&](const std::string& key) -> absl::Status {
    if (std::find(known.begin(), known.end(), key) != known.end()) return absl::OkStatus();
    return Unknown(what, key, known);
  });
}

// Calls the member `name`, a function that writes a body, with the value on top of the stack (or
// without one); its one result comes onto the stack.
absl::Status CallBody(lua_State* L, const char* name, int arguments) {
  PushMember(L, name);
  if (!lua_isfunction(L, -1)) {
    return Invalid("\"", name, "\" is a function that writes the body, not ", KindAt(L, -1));
  }
  if (arguments > 0) lua_insert(L, -2);
  lua_call(L, arguments, 1);
  if (!lua_isnil(L, -1) && !lua_istable(L, -1)) {
    return Invalid("\"", name, "\" returned ", KindAt(L, -1), ", not a table");
  }
  return absl::OkStatus();
}

// A member of the table on top of the stack (or of nil), as named wires.
absl::StatusOr<Ordered<InputDef>> ResultInputs(lua_State* L, const char* name) {
  if (lua_isnil(L, -1)) return Ordered<InputDef>();
  lua_getfield(L, -1, name);
  absl::StatusOr<Ordered<InputDef>> inputs = NamedInputs(L, lua_gettop(L), name, false);
  lua_pop(L, 1);
  return inputs;
}

absl::StatusOr<int> Loop(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(Building * graph, Current(L, "Loop"));
  if (!lua_istable(L, 1)) return Invalid("Loop takes one table: weft.Loop{…}");
  WEFT_ASSIGN_OR_RETURN(std::string id, NameIn(L, 1));
  WEFT_RETURN_IF_ERROR(CheckKeys(L, "Loop", {"over", "carry", "while", "max_rounds", "body"}));
  NodeDef node;
  node.type = "Loop";
  node.line = PlaceOf(L).line;
  for (const char* input : {"over", "max_rounds"}) {
    PushMember(L, input);
    if (!lua_isnil(L, -1)) {
      absl::StatusOr<InputDef> source = InputAt(L, -1);
      if (!source.ok()) return Annotate(source.status(), input);
      node.inputs.emplace_back(input, *std::move(source));
    }
    lua_pop(L, 1);
  }
  PushMember(L, "while");
  if (!lua_isnil(L, -1)) {
    absl::StatusOr<std::string> name = CheckText(L, -1);
    if (!name.ok()) return Annotate(name.status(), "while");
    node.while_carry = *std::move(name);
  }
  lua_pop(L, 1);
  WEFT_ASSIGN_OR_RETURN(node.carry, MemberInputs(L, "carry", true));
  WEFT_ASSIGN_OR_RETURN(id, graph->builder.OpenLoop(std::move(id), std::move(node)));
  // A body that goes wrong, also by a Lua error, takes its loop along.
  auto abandon = absl::MakeCleanup([graph] { graph->builder.Abandon(); });
  WEFT_RETURN_IF_ERROR(PushBuilt(L, *graph, id, "Loop"));
  WEFT_RETURN_IF_ERROR(CallBody(L, "body", 1));
  if (lua_istable(L, -1)) {
    WEFT_RETURN_IF_ERROR(ForEachNamed(L, -1, [&](const std::string& key) -> absl::Status {
      if (key == "next" || key == "collect") return absl::OkStatus();
      return Unknown("what a Loop's body returns", key, {"next", "collect"});
    }));
  }
  WEFT_ASSIGN_OR_RETURN(Ordered<InputDef> next, ResultInputs(L, "next"));
  WEFT_ASSIGN_OR_RETURN(Ordered<InputDef> collect, ResultInputs(L, "collect"));
  std::move(abandon).Cancel();
  WEFT_RETURN_IF_ERROR(graph->builder.CloseLoop(std::move(next), std::move(collect)));
  WEFT_RETURN_IF_ERROR(PushBuilt(L, *graph, id, "Loop"));
  return 1;
}

absl::StatusOr<int> If(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(Building * graph, Current(L, "If"));
  if (!lua_istable(L, 1)) return Invalid("If takes one table: weft.If{…}");
  WEFT_ASSIGN_OR_RETURN(std::string id, NameIn(L, 1));
  WEFT_RETURN_IF_ERROR(CheckKeys(L, "If", {"condition", "then", "else"}));
  NodeDef node;
  node.type = "If";
  node.body = std::make_shared<BodyDef>();
  node.line = PlaceOf(L).line;
  PushMember(L, "condition");
  if (!lua_isnil(L, -1)) {
    absl::StatusOr<InputDef> source = InputAt(L, -1);
    if (!source.ok()) return Annotate(source.status(), "condition");
    node.inputs.emplace_back("condition", *std::move(source));
  }
  lua_pop(L, 1);
  WEFT_ASSIGN_OR_RETURN(id, graph->builder.OpenIf(std::move(id), std::move(node)));
  auto abandon = absl::MakeCleanup([graph] { graph->builder.Abandon(); });
  WEFT_RETURN_IF_ERROR(CallBody(L, "then", 0));
  WEFT_ASSIGN_OR_RETURN(Ordered<InputDef> outputs, NamedInputs(L, lua_gettop(L), "then", false));
  WEFT_RETURN_IF_ERROR(graph->builder.Else(std::move(outputs)));
  WEFT_RETURN_IF_ERROR(CallBody(L, "else", 0));
  WEFT_ASSIGN_OR_RETURN(outputs, NamedInputs(L, lua_gettop(L), "else", false));
  std::move(abandon).Cancel();
  WEFT_RETURN_IF_ERROR(graph->builder.CloseIf(std::move(outputs)));
  WEFT_RETURN_IF_ERROR(PushBuilt(L, *graph, id, "If"));
  return 1;
}

// weft.composite("Name", function() … end): a node type that travels inside of the graph.
absl::StatusOr<int> Composite(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(Building * graph, Current(L, "composite"));
  WEFT_ASSIGN_OR_RETURN(const std::string name, CheckText(L, 1));
  WEFT_RETURN_IF_ERROR(CheckName(name));
  if (!lua_isfunction(L, 2)) return Invalid("weft.composite takes a name and a function");
  GraphDef start;
  start.file = graph->builder.graph().file;
  // The composite may use those that the graph has already.
  start.composites = graph->builder.graph().composites;
  WEFT_ASSIGN_OR_RETURN(GraphDef made, BuildGraph(L, 2, std::move(start)));
  for (const auto& [known, composite] : graph->builder.graph().composites) {
    made.composites.erase(known);
  }
  graph->builder.graph().composites[name] = std::make_shared<GraphDef>(std::move(made));
  return 0;
}

}  // namespace

absl::StatusOr<int> AddNode(lua_State* L, const std::string& type) {
  WEFT_ASSIGN_OR_RETURN(Building * graph, Current(L, type));
  WEFT_ASSIGN_OR_RETURN(std::string id, NameIn(L, 1));
  LuaState::Of(L).Charge(L, 1000);
  NodeDef node;
  node.type = type;
  node.line = PlaceOf(L).line;
  const absl::Status status = ForEachNamed(L, 1, [&](const std::string& name) -> absl::Status {
    if (name == "ports") return ReadPorts(L, node);
    WEFT_RETURN_IF_ERROR(CheckName(name));
    absl::StatusOr<InputDef> input = InputAt(L, -1);
    if (!input.ok()) return Invalid(type, ", \"", name, "\": ", input.status().message());
    node.inputs.emplace_back(name, *std::move(input));
    return absl::OkStatus();
  });
  WEFT_RETURN_IF_ERROR(status);
  Sort(node.inputs, Door::Of(L).FindContract(type));
  WEFT_ASSIGN_OR_RETURN(id, graph->builder.AddNode(std::move(id), std::move(node)));
  WEFT_RETURN_IF_ERROR(PushBuilt(L, *graph, id, type));
  return 1;
}

absl::StatusOr<GraphDef> BuildGraph(lua_State* L, int index, GraphDef start) {
  Door& door = Door::Of(L);
  if (door.building.size() >= kMostNestedGraphs) {
    return Invalid("graphs are nested deeper than ", kMostNestedGraphs);
  }
  door.building.push_back(std::unique_ptr<Building>(
      new Building{++door.graphs, GraphBuilder(std::move(start), *door.runtime.registry,
                                               MakeComposites(door.runtime, door.folder))}));
  const auto leave = absl::MakeCleanup([&door] { door.building.pop_back(); });
  lua_pushvalue(L, index);
  lua_call(L, 0, 0);
  return std::move(door.building.back()->builder.graph());
}

void OpenGraphFunctions(lua_State* L) {
  OpenWires(L);
  constexpr luaL_Reg kFunctions[] = {{"describe", Call<Describe>},
                                     {"param", Call<Param>},
                                     {"output", Call<Output>},
                                     {"composite", Call<Composite>},
                                     {"Loop", Call<Loop>},
                                     {"If", Call<If>},
                                     {nullptr, nullptr}};
  luaL_setfuncs(L, kFunctions, 0);
}

}  // namespace weft
