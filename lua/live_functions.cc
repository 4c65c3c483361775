// What a live script can do: run nodes by calling them, load, write and run graphs, save values.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lua/call.h"
#include "lua/door.h"
#include "lua/run_options.h"
#include "lua/userdata.h"
#include "lua/values.h"
#include "lua/wires.h"
#include "runtime/backend/cpu/cpu_backend.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"
#include "runtime/exec/fit_memory.h"
#include "runtime/node_call.h"

namespace weft {
namespace {

// The outputs of a node that was called; each is computed when it is first asked for, where they
// are separate.
struct HeldCall {
  static constexpr char kLuaName[] = "weft.outputs";
  NodeCall call;
};

absl::StatusOr<int> IndexCall(lua_State* L) {
  auto* held = UserdataAt<HeldCall>(L, 1);
  if (held == nullptr) return Invalid("expected the outputs of a node");
  WEFT_ASSIGN_OR_RETURN(const std::string name, CheckText(L, 2));
  WEFT_ASSIGN_OR_RETURN(const Value value, held->call.Output(name));
  PushValue(L, value);
  return 1;
}

absl::StatusOr<int> CallToText(lua_State* L) {
  const auto* held = UserdataAt<HeldCall>(L, 1);
  if (held == nullptr) return Invalid("expected the outputs of a node");
  const Contract& contract = held->call.contract();
  lua_pushstring(L, absl::StrCat("outputs of ", contract.type, ": ",
                                 absl::StrJoin(contract.OutputNames(), ", "))
                        .c_str());
  return 1;
}

RunOptions CallOptions(const Door& door) {
  RunOptions options = door.defaults;
  options.events = [](const Event& event) {
    if (event.kind == Event::Kind::kNotice) {
      std::fprintf(stderr, "weft: %s\n", event.message.c_str());
    }
  };
  return options;
}

// Runs a node with `inputs` and pushes its output, or its outputs as one object.
absl::StatusOr<int> PushOutputs(lua_State* L, const std::string& type,
                                absl::btree_map<std::string, Value> inputs, RunOptions options) {
  const Door& door = Door::Of(L);
  WEFT_ASSIGN_OR_RETURN(NodeCall call, NodeCall::Make(type, std::move(inputs), door.runtime,
                                                      std::move(options), door.folder));
  if (call.contract().outputs.size() == 1) {
    WEFT_ASSIGN_OR_RETURN(const Value value, call.Output(""));
    PushValue(L, value);
    return 1;
  }
  PushUserdata<HeldCall>(L, std::move(call));
  return 1;
}

absl::StatusOr<Value> NodeInput(lua_State* L) {
  if (IsWire(L, -1)) return Invalid("a wire of a graph has no value here");
  if (const auto* held = UserdataAt<HeldCall>(L, -1)) {
    const Contract& contract = held->call.contract();
    return Invalid("these are all outputs of ", contract.type,
                   "; name one of them: ", absl::StrJoin(contract.OutputNames(), ", "));
  }
  return ToValue(L, -1);
}

absl::StatusOr<Pipeline> LoadPipeline(const Door& door, const std::string& name) {
  WEFT_ASSIGN_OR_RETURN(const std::string path, door.weft->FindGraph(name));
  return Pipeline::Load(path, door.runtime);
}

absl::StatusOr<int> Load(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const std::string name, CheckText(L, 1));
  WEFT_ASSIGN_OR_RETURN(Pipeline pipeline, LoadPipeline(Door::Of(L), name));
  PushGraph(L, std::move(pipeline));
  return 1;
}

// weft.graph(function() … end)
absl::StatusOr<int> Graph(lua_State* L) {
  if (!lua_isfunction(L, 1)) {
    return Invalid("weft.graph takes a function that writes the graph, not ", KindAt(L, 1));
  }
  GraphDef start;
  start.file = PlaceOf(L).file;
  WEFT_ASSIGN_OR_RETURN(GraphDef graph, BuildGraph(L, 1, std::move(start)));
  const Door& door = Door::Of(L);
  PushGraph(L, Pipeline::Of(std::move(graph), door.folder, door.runtime));
  return 1;
}

// weft.run(graph or path, params, options)
absl::StatusOr<int> Run(lua_State* L) {
  if (lua_type(L, 1) == LUA_TSTRING) {
    WEFT_ASSIGN_OR_RETURN(Pipeline pipeline, LoadPipeline(Door::Of(L), lua_tostring(L, 1)));
    PushGraph(L, std::move(pipeline));
    lua_replace(L, 1);
  }
  lua_settop(L, 3);
  if (luaL_testudata(L, 1, "weft.graph") == nullptr) {
    return Invalid("weft.run takes a graph or the path of one, not ", KindAt(L, 1));
  }
  lua_getfield(L, 1, "run");
  lua_insert(L, 1);
  lua_call(L, 3, 1);
  return 1;
}

// weft.save(value, path): pictures and tensors, by the path's end.
absl::StatusOr<int> Save(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Value value, ToValue(L, 1));
  WEFT_ASSIGN_OR_RETURN(const std::string path, CheckText(L, 2));
  RunOptions options = CallOptions(Door::Of(L));
  options.output_folder = ".";
  options.allow_outside_paths = true;
  const std::string lower = absl::AsciiStrToLower(path);
  const bool numbers = absl::EndsWith(lower, ".safetensors") || absl::EndsWith(lower, ".npy");
  const char* type = numbers ? "SaveTensor" : "SaveImage";
  return PushOutputs(L, type, {{numbers ? "value" : "image", value}, {"path", Value(path)}},
                     std::move(options));
}

// weft.options{precision = "f32", memory = "4G", out = "pictures", threads = 2}: for all that is
// run from here on.
absl::StatusOr<int> Options(lua_State* L) {
  Door& door = Door::Of(L);
  if (!lua_istable(L, 1)) return Invalid("weft.options takes a table");
  WEFT_RETURN_IF_ERROR(ForEachNamed(L, 1, [&](const std::string& name) -> absl::Status {
    if (name == "out") {
      WEFT_ASSIGN_OR_RETURN(door.defaults.output_folder, CheckText(L, -1));
    } else if (name == "precision") {
      WEFT_ASSIGN_OR_RETURN(const std::string precision, CheckText(L, -1));
      WEFT_ASSIGN_OR_RETURN(door.defaults.compute, ParsePrecision(precision));
    } else if (name == "memory") {
      WEFT_ASSIGN_OR_RETURN(const std::string memory, CheckText(L, -1));
      door.defaults.memory.reset();  // "" takes a limit off
      if (!memory.empty()) {
        WEFT_ASSIGN_OR_RETURN(door.defaults.memory, ParseMemory(memory));
      }
    } else if (name == "threads") {
      WEFT_ASSIGN_OR_RETURN(const int64_t threads, CheckInt(L, -1));
      if (threads < 0 || threads > 1024) return Invalid("threads are 0 (one each core) to 1024");
      SetThreads(static_cast<int>(threads));
    } else if (name == "allow_outside_paths") {
      door.defaults.allow_outside_paths = lua_toboolean(L, -1) != 0;
    } else {
      return Invalid(
          "there is no option \"", name, "\"",
          DidYouMean(name, {"out", "precision", "memory", "threads", "allow_outside_paths"}));
    }
    return absl::OkStatus();
  }));
  return 0;
}

// weft.clock(): seconds since some moment, for timing (os.clock counts what all threads compute).
int Clock(lua_State* L) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  lua_pushnumber(L, std::chrono::duration<double>(now).count());
  return 1;
}

// Upvalues: the steps, how many were given.
int NextStep(lua_State* L) {
  const lua_Integer i = lua_tointeger(L, lua_upvalueindex(2)) + 1;
  lua_pushinteger(L, i);
  lua_copy(L, -1, lua_upvalueindex(2));
  if (lua_rawgeti(L, lua_upvalueindex(1), i) != LUA_TNIL) return 2;
  return 0;
}

// for i, t in scheduler:steps(num_inference_steps, strength) do … end
absl::StatusOr<int> Steps(lua_State* L) {
  absl::btree_map<std::string, Value> inputs;
  WEFT_ASSIGN_OR_RETURN(inputs["scheduler"], ToValue(L, 1));
  WEFT_ASSIGN_OR_RETURN(inputs["num_inference_steps"], ToValue(L, 2));
  WEFT_ASSIGN_OR_RETURN(inputs["strength"], ToValue(L, 3));
  const Door& door = Door::Of(L);
  WEFT_ASSIGN_OR_RETURN(NodeCall call, NodeCall::Make("Timesteps", std::move(inputs), door.runtime,
                                                      CallOptions(door), door.folder));
  WEFT_ASSIGN_OR_RETURN(const Value steps, call.Output("steps"));
  PushValue(L, steps);
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, NextStep, 2);
  return 1;
}

}  // namespace

absl::StatusOr<int> CallNode(lua_State* L, const std::string& type) {
  absl::btree_map<std::string, Value> inputs;
  WEFT_RETURN_IF_ERROR(ForEachNamed(L, 1, [&](const std::string& name) -> absl::Status {
    if (name == "ports") return Invalid(type, ": nodes declare ports in graphs alone");
    absl::StatusOr<Value> value = NodeInput(L);
    if (!value.ok()) return Invalid(type, ", \"", name, "\": ", value.status().message());
    inputs[name] = *std::move(value);
    return absl::OkStatus();
  }));
  return PushOutputs(L, type, std::move(inputs), CallOptions(Door::Of(L)));
}

void OpenLiveFunctions(lua_State* L) {
  constexpr luaL_Reg kCall[] = {
      {"__index", Call<IndexCall>}, {"__tostring", Call<CallToText>}, {nullptr, nullptr}};
  MakeMetatable<HeldCall>(L, kCall);
  lua_pop(L, 1);
  OpenRounds(L);
  AddObjectMethod(L, "scheduler", "steps", Call<Steps>);
  constexpr luaL_Reg kFunctions[] = {
      {"load", Call<Load>},       {"graph", Call<Graph>}, {"run", Call<Run>}, {"save", Call<Save>},
      {"options", Call<Options>}, {"clock", Clock},       {nullptr, nullptr}};
  luaL_setfuncs(L, kFunctions, 0);
}

}  // namespace weft
