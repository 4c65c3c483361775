// Graphs as values of a live script: graph:run{…}, graph:params(), graph:check(), and what they
// look like.

#include <utility>

#include "absl/strings/str_cat.h"
#include "lua/call.h"
#include "lua/door.h"
#include "lua/graph_writer.h"
#include "lua/run_options.h"
#include "lua/userdata.h"
#include "lua/values.h"
#include "lua/wires.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/graph_json.h"

namespace weft {
namespace {

struct HeldGraph {
  static constexpr char kLuaName[] = "weft.graph";
  Pipeline pipeline;
};

absl::StatusOr<const Pipeline*> PipelineAt(lua_State* L) {
  const auto* held = UserdataAt<HeldGraph>(L, 1);
  if (held == nullptr) return Invalid("expected a graph, not ", KindAt(L, 1));
  return &held->pipeline;
}

// The params at `index`, by name.
absl::Status ReadParams(lua_State* L, int index, Overrides& overrides) {
  if (lua_isnoneornil(L, index)) return absl::OkStatus();
  if (!lua_istable(L, index)) {
    return Invalid("the params of a graph are a table, not ", KindAt(L, index));
  }
  return ForEachNamed(L, index, [&](const std::string& name) -> absl::Status {
    absl::StatusOr<Value> value = ToValue(L, -1);
    if (!value.ok()) return Annotate(value.status(), absl::StrCat("param \"", name, "\""));
    overrides.params[name] = *std::move(value);
    return absl::OkStatus();
  });
}

// graph:run(params, options) gives the outputs by name.
absl::StatusOr<int> Run(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Pipeline* pipeline, PipelineAt(L));
  lua_settop(L, 3);
  ScriptedRun run(L, 3, Door::Of(L).defaults);
  WEFT_RETURN_IF_ERROR(run.Read());
  WEFT_RETURN_IF_ERROR(ReadParams(L, 2, run.options().overrides));
  WEFT_ASSIGN_OR_RETURN(const RunResult result, run.Run(*pipeline));
  lua_createtable(L, 0, static_cast<int>(result.outputs.size()));
  for (const auto& [name, value] : result.outputs) {
    PushValue(L, value);
    lua_setfield(L, -2, name.c_str());
  }
  return 1;
}

// graph:check(params, options): true, or all that is wrong as an error.
absl::StatusOr<int> Check(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Pipeline* pipeline, PipelineAt(L));
  lua_settop(L, 3);
  ScriptedRun run(L, 3, Door::Of(L).defaults);
  WEFT_RETURN_IF_ERROR(run.Read());
  WEFT_RETURN_IF_ERROR(ReadParams(L, 2, run.options().overrides));
  WEFT_RETURN_IF_ERROR(pipeline->Check(run.options()).status());
  lua_pushboolean(L, 1);
  return 1;
}

void PushPort(lua_State* L, const PortSpec& port) {
  Record fields = {
      {"name", Value(port.name)}, {"type", Value(port.type.ToString())}, {"doc", Value(port.doc)}};
  if (!port.fallback.is_null()) fields["default"] = port.fallback;
  if (port.min.has_value()) fields["min"] = Value(*port.min);
  if (port.max.has_value()) fields["max"] = Value(*port.max);
  if (!port.choices.empty()) {
    List choices;
    for (const std::string& choice : port.choices) choices.emplace_back(choice);
    fields["choices"] = Value(std::move(choices));
  }
  PushValue(L, Value(std::move(fields)));
}

absl::StatusOr<int> Params(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Pipeline* pipeline, PipelineAt(L));
  WEFT_ASSIGN_OR_RETURN(const Ordered<PortSpec> params, pipeline->Params());
  lua_newtable(L);
  for (size_t i = 0; i < params.size(); ++i) {
    PortSpec port = params[i].second;
    port.name = params[i].first;
    PushPort(L, port);
    lua_rawseti(L, -2, static_cast<lua_Integer>(i) + 1);
  }
  return 1;
}

int PushText(lua_State* L, const std::string& text) {
  lua_pushlstring(L, text.data(), text.size());
  return 1;
}

absl::StatusOr<int> Json(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Pipeline* pipeline, PipelineAt(L));
  return PushText(L, ToJson(pipeline->graph()));
}

absl::StatusOr<int> Lua(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Pipeline* pipeline, PipelineAt(L));
  WEFT_ASSIGN_OR_RETURN(const std::string text, ToLua(pipeline->graph()));
  return PushText(L, text);
}

absl::StatusOr<int> Svg(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Pipeline* pipeline, PipelineAt(L));
  return PushText(L, pipeline->Draw());
}

absl::StatusOr<int> ToText(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Pipeline* pipeline, PipelineAt(L));
  const GraphDef& graph = pipeline->graph();
  return PushText(L, absl::StrCat("graph ", graph.title.empty() ? graph.file : graph.title, ", ",
                                  graph.nodes.size(), " nodes"));
}

// Upvalue 1: the methods.
absl::StatusOr<int> Index(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const std::string name, CheckText(L, 2));
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 1;
  return Invalid("a graph has no \"", name, "\"",
                 DidYouMean(name, {"run", "params", "check", "json", "lua", "svg"}));
}

}  // namespace

void PushGraph(lua_State* L, Pipeline pipeline) { PushUserdata<HeldGraph>(L, std::move(pipeline)); }

void OpenGraphObjects(lua_State* L) {
  constexpr luaL_Reg kMeta[] = {{"__tostring", Call<ToText>}, {nullptr, nullptr}};
  constexpr luaL_Reg kMethods[] = {
      {"run", Call<Run>}, {"check", Call<Check>}, {"params", Call<Params>}, {"json", Call<Json>},
      {"lua", Call<Lua>}, {"svg", Call<Svg>},     {nullptr, nullptr}};
  MakeMetatable<HeldGraph>(L, kMeta);
  luaL_newlib(L, kMethods);
  lua_pushcclosure(L, Call<Index>, 1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

}  // namespace weft
