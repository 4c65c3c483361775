#include "lua/wires.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lua/call.h"
#include "lua/door.h"
#include "lua/userdata.h"
#include "lua/values.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

struct HeldWire {
  static constexpr char kLuaName[] = "weft.wire";
  int graph;
  Wire wire;
};

struct HeldNode {
  static constexpr char kLuaName[] = "weft.node";
  int graph;
  std::string id;
  std::string type;
  std::vector<std::string> outputs;
};

absl::StatusOr<int> IndexWire(lua_State* L) {
  const auto* held = UserdataAt<HeldWire>(L, 1);
  if (held == nullptr) return Invalid("expected a wire");
  WEFT_ASSIGN_OR_RETURN(std::string field, CheckText(L, 2));
  if (held->wire.fields.size() > 16) return Invalid("too many fields after each other");
  Wire wire = held->wire;
  wire.fields.push_back(std::move(field));
  PushWire(L, held->graph, std::move(wire));
  return 1;
}

absl::StatusOr<int> IndexNode(lua_State* L) {
  const auto* held = UserdataAt<HeldNode>(L, 1);
  if (held == nullptr) return Invalid("expected a node");
  WEFT_ASSIGN_OR_RETURN(std::string port, CheckText(L, 2));
  if (std::find(held->outputs.begin(), held->outputs.end(), port) == held->outputs.end()) {
    return Invalid("node \"", held->id, "\" (", held->type, ") has no output \"", port, "\"",
                   DidYouMean(port, held->outputs));
  }
  PushWire(L, held->graph, Wire{held->id, std::move(port), {}});
  return 1;
}

absl::StatusOr<int> WireToText(lua_State* L) {
  if (const auto* wire = UserdataAt<HeldWire>(L, 1)) {
    lua_pushstring(L, absl::StrCat("wire ", wire->wire.ToString()).c_str());
  } else if (const auto* node = UserdataAt<HeldNode>(L, 1)) {
    lua_pushstring(L, absl::StrCat("node ", node->id, " (", node->type, ")").c_str());
  } else {
    return Invalid("expected a wire or a node");
  }
  return 1;
}

absl::Status IsOfThisGraph(lua_State* L, int graph, const std::string& name) {
  const Door& door = Door::Of(L);
  if (door.is_building() && door.building.back()->number == graph) return absl::OkStatus();
  return Invalid("\"", name, "\" belongs to another graph");
}

// The wire at `index`, which is one.
absl::StatusOr<Wire> GetWire(lua_State* L, int index) {
  if (const auto* held = UserdataAt<HeldWire>(L, index)) {
    WEFT_RETURN_IF_ERROR(IsOfThisGraph(L, held->graph, held->wire.ToString()));
    return held->wire;
  }
  const auto* node = UserdataAt<HeldNode>(L, index);
  if (node == nullptr) return Invalid("expected a wire, not ", KindAt(L, index));
  WEFT_RETURN_IF_ERROR(IsOfThisGraph(L, node->graph, node->id));
  return Wire{node->id, "", {}};
}

absl::StatusOr<std::vector<Wire>> GetWires(lua_State* L, int index) {
  std::vector<Wire> wires;
  const auto count = static_cast<int64_t>(lua_rawlen(L, index));
  for (int64_t i = 1; i <= count; ++i) {
    lua_rawgeti(L, index, i);
    WEFT_ASSIGN_OR_RETURN(wires.emplace_back(), GetWire(L, -1));
    lua_pop(L, 1);
  }
  return wires;
}

bool HoldsWires(lua_State* L, int index) {
  if (!lua_istable(L, index)) return false;
  lua_rawgeti(L, index, 1);
  const bool wire = IsWire(L, -1);
  lua_pop(L, 1);
  return wire;
}

}  // namespace

void PushWire(lua_State* L, int graph, Wire wire) {
  PushUserdata<HeldWire>(L, graph, std::move(wire));
}

void PushNode(lua_State* L, int graph, std::string id, std::string type,
              std::vector<std::string> outputs) {
  PushUserdata<HeldNode>(L, graph, std::move(id), std::move(type), std::move(outputs));
}

bool IsWire(lua_State* L, int index) {
  return UserdataAt<HeldWire>(L, index) != nullptr || UserdataAt<HeldNode>(L, index) != nullptr;
}

absl::StatusOr<InputDef> WireAt(lua_State* L, int index) {
  index = lua_absindex(L, index);
  InputDef input;
  input.line = PlaceOf(L).line;
  if (lua_istable(L, index)) {
    WEFT_ASSIGN_OR_RETURN(input.source, GetWires(L, index));
  } else {
    WEFT_ASSIGN_OR_RETURN(input.source, GetWire(L, index));
  }
  return input;
}

absl::StatusOr<InputDef> InputAt(lua_State* L, int index) {
  index = lua_absindex(L, index);
  if (IsWire(L, index) || HoldsWires(L, index)) return WireAt(L, index);
  InputDef input;
  input.line = PlaceOf(L).line;
  WEFT_ASSIGN_OR_RETURN(input.source, ToValue(L, index));
  return input;
}

absl::Status ForEachNamed(lua_State* L, int index,
                          absl::FunctionRef<absl::Status(const std::string&)> read) {
  index = lua_absindex(L, index);
  std::vector<std::string> names;
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    lua_pop(L, 1);
    LuaState::Of(L).Charge(L, 1);
    if (lua_type(L, -1) != LUA_TSTRING) continue;
    WEFT_ASSIGN_OR_RETURN(names.emplace_back(), CheckText(L, -1));
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    lua_pushlstring(L, name.data(), name.size());
    lua_rawget(L, index);
    absl::Status status = read(name);
    lua_pop(L, 1);
    WEFT_RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

void OpenWires(lua_State* L) {
  constexpr luaL_Reg kWire[] = {
      {"__index", Call<IndexWire>}, {"__tostring", Call<WireToText>}, {nullptr, nullptr}};
  constexpr luaL_Reg kNode[] = {
      {"__index", Call<IndexNode>}, {"__tostring", Call<WireToText>}, {nullptr, nullptr}};
  MakeMetatable<HeldWire>(L, kWire);
  MakeMetatable<HeldNode>(L, kNode);
  lua_pop(L, 2);
}

}  // namespace weft
