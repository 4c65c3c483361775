// A node that a graph brings along, written in Lua. What it declares as inputs are globals of the
// script; it returns a table of what it declares as outputs, or the value itself where that is one.
// The script is sandboxed: it computes with what it is given, and nothing else.

#include "lua/lua_function.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lua/call.h"
#include "lua/door.h"
#include "lua/state.h"
#include "lua/values.h"
#include "runtime/base/file.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr size_t kLongestScript = size_t{1} << 20;

constexpr In<Text> kSource{.name = "source", .doc = "The script.", .optional = true};
constexpr In<Text> kFile{.name = "file",
                         .doc = "A file with the script, relative to the graph's folder.",
                         .optional = true};
constexpr In<int64_t> kInstructions{.name = "instructions",
                                    .doc = "How many it may take before it is stopped.",
                                    .fallback = 50'000'000,
                                    .min = 1};

struct Script {
  std::string text;
  std::string name;  // as Lua wants it
};

absl::StatusOr<Script> Read(const NodeContext& ctx) {
  if (ctx.Has(kSource) == ctx.Has(kFile)) {
    return ctx.PortError(kSource, "give the script either as \"source\" or as a \"file\"");
  }
  if (ctx.Has(kSource)) return Script{ctx.Get(kSource), "=source"};
  absl::StatusOr<std::string> path = ctx.environment().InputPath(ctx.Get(kFile));
  if (!path.ok()) return ctx.PortError(kFile, path.status().message());
  absl::StatusOr<std::string> text = ReadFile(*path, kLongestScript);
  if (!text.ok()) return ctx.PortError(kFile, text.status().message());
  return Script{*std::move(text), "@" + *path};
}

absl::StatusOr<std::unique_ptr<LuaState>> MakeState(const NodeContext& ctx) {
  ScriptLimits limits;
  limits.instructions = ctx.Get(kInstructions);
  limits.cancelled = ctx.environment().cancelled;
  return LuaState::Sandboxed(limits);
}

bool IsOwn(const std::string& name) {
  return name == kSource.name || name == kFile.name || name == kInstructions.name;
}

// What the node says about an error of the script: its text, with the place in the script.
absl::Status Told(const absl::Status& status) {
  if (absl::IsCancelled(status)) return status;
  return absl::Status(status.code(), status.message());
}

// `value` as `port` wants it.
absl::StatusOr<Value> Fit(const PortSpec& port, Value value) {
  if (port.type.list && value.AsList() == nullptr && !value.is_null()) {
    value = Value(List{std::move(value)});
  }
  if (!value.is_null() && Matches(port.type, value)) {
    if (port.type.name == "float" && value.AsInt() != nullptr) {
      return Value(static_cast<double>(*value.AsInt()));
    }
    return value;
  }
  return Invalid(
      "output \"", port.name, "\" is to be ", port.type.ToString(), ", but the script ",
      value.is_null() ? "returned nothing for it" : absl::StrCat("returned a ", value.kind()));
}

// Reads what the script returned, on top of the stack.
absl::Status TakeResults(lua_State* L, const std::vector<PortSpec>& ports,
                         absl::btree_map<std::string, Value>& outputs) {
  if (ports.empty()) return absl::OkStatus();
  std::vector<std::string> names;
  names.reserve(ports.size());
  for (const PortSpec& port : ports) names.push_back(port.name);
  // A record could be meant as the one output too; a table with the output's name is not.
  bool named = lua_istable(L, -1);
  if (named && ports.size() == 1) {
    lua_getfield(L, -1, ports[0].name.c_str());
    named = !lua_isnil(L, -1);
    lua_pop(L, 1);
  }
  if (!named && ports.size() > 1) {
    return Invalid("the script returned ", KindAt(L, -1), ", not a table with ",
                   absl::StrJoin(names, ", "));
  }
  if (named) {
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) {
      lua_pop(L, 1);
      const std::string name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        return Invalid("the script returned \"", name, "\", which is no output of the node",
                       DidYouMean(name, names));
      }
    }
  }
  for (const PortSpec& port : ports) {
    if (named) {
      lua_getfield(L, -1, port.name.c_str());
    } else {
      lua_pushvalue(L, -1);
    }
    absl::StatusOr<Value> value = ToValue(L, -1);
    if (!value.ok()) return Annotate(value.status(), absl::StrCat("output \"", port.name, "\""));
    WEFT_ASSIGN_OR_RETURN(outputs[port.name], Fit(port, *std::move(value)));
    lua_pop(L, 1);
  }
  return absl::OkStatus();
}

absl::Status Run(NodeContext& ctx) {
  WEFT_ASSIGN_OR_RETURN(const Script script, Read(ctx));
  WEFT_ASSIGN_OR_RETURN(const std::unique_ptr<LuaState> state, MakeState(ctx));
  state->print = [&ctx](const std::string& line) { ctx.Notice(line); };
  absl::btree_map<std::string, Value> outputs;
  const absl::Status status = state->Protected([&](lua_State* L) {
    OpenWeft(L);
    for (const PortSpec& port : ctx.contract().inputs) {
      if (IsOwn(port.name)) continue;
      const auto it = ctx.inputs().find(port.name);
      if (it == ctx.inputs().end()) continue;
      PushValue(L, it->second);
      lua_setglobal(L, port.name.c_str());
    }
    state->Load(L, script.text, script.name);
    lua_call(L, 0, 1);
    const absl::Status taken = TakeResults(L, ctx.contract().outputs, outputs);
    if (!taken.ok()) state->Raise(L, taken);
  });
  if (!status.ok()) return Told(status);
  ctx.outputs() = std::move(outputs);
  return absl::OkStatus();
}

// Compiles the script, and expects outputs to look like the inputs of the same name and type.
absl::Status Infer(NodeContext& ctx) {
  WEFT_ASSIGN_OR_RETURN(const Script script, Read(ctx));
  WEFT_ASSIGN_OR_RETURN(const std::unique_ptr<LuaState> state, MakeState(ctx));
  const absl::Status status =
      state->Protected([&](lua_State* L) { state->Load(L, script.text, script.name); });
  if (!status.ok()) return Told(status);
  for (const PortSpec& port : ctx.contract().outputs) {
    const PortSpec* twin = ctx.contract().Input(port.name);
    const auto it = ctx.inputs().find(port.name);
    if (twin == nullptr || !(twin->type == port.type) || it == ctx.inputs().end()) {
      ctx.SetUnknown(port.name);
      continue;
    }
    const Tensor* tensor = it->second.AsTensor();
    if (tensor == nullptr) {
      ctx.outputs()[port.name] = it->second;
      continue;
    }
    WEFT_ASSIGN_OR_RETURN(Tensor like,
                          Tensor::Allocate(ctx.allocator(), tensor->dtype(), tensor->shape()));
    ctx.outputs()[port.name] = Value(std::move(like));
  }
  return absl::OkStatus();
}

}  // namespace

NodeType LuaFunctionNode() {
  return {.contract = {.type = "LuaFunction",
                       .doc = "A script in Lua as a node: its declared inputs are globals, and it "
                              "returns its declared outputs.",
                       .category = "script",
                       .declares_ports = true,
                       .inputs = {kSource, kFile, kInstructions},
                       .outputs = {}},
          .run = Run,
          .infer = Infer};
}

}  // namespace weft
