#include "lua/door.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lua/call.h"
#include "lua/values.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// The function that stands for a node type. Upvalue 1: the type.
absl::StatusOr<int> CallType(lua_State* L) {
  const std::string type = lua_tostring(L, lua_upvalueindex(1));
  if (lua_gettop(L) > 1) return Invalid(type, " takes one table: weft.", type, "{…}");
  if (!lua_isnoneornil(L, 1) && !lua_istable(L, 1)) {
    return Invalid(type, " takes one table, weft.", type, "{…}, not ", KindAt(L, 1));
  }
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
  }
  return Door::Of(L).is_building() ? AddNode(L, type) : CallNode(L, type);
}

// The types and functions that weft.NAME may mean.
std::vector<std::string> Names(lua_State* L) {
  std::vector<std::string> names = Door::Of(L).TypeNames();
  lua_pushnil(L);
  while (lua_next(L, 1) != 0) {
    lua_pop(L, 1);
    if (lua_type(L, -1) == LUA_TSTRING) names.emplace_back(lua_tostring(L, -1));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

// weft.NAME for what is not a function of the library: a node type.
absl::StatusOr<int> IndexWeft(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const std::string name, CheckText(L, 2));
  LuaState::Of(L).Charge(L, 100);
  const absl::StatusOr<Contract> contract = Door::Of(L).FindContract(name);
  if (!contract.ok() && absl::IsNotFound(contract.status())) {
    const std::string nearest = NearestName(name, Names(L));
    return Invalid("weft has no node or function \"", name, "\"",
                   nearest.empty() ? "" : absl::StrCat("; did you mean \"", nearest, "\"?"));
  }
  WEFT_RETURN_IF_ERROR(contract.status());
  lua_pushstring(L, name.c_str());
  lua_pushcclosure(L, Call<CallType>, 1);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, -2);
  lua_rawset(L, 1);
  return 1;
}

absl::StatusOr<int> TypeName(lua_State* L) {
  lua_pushstring(L, KindAt(L, 1).c_str());
  return 1;
}

}  // namespace

absl::StatusOr<Contract> Door::FindContract(const std::string& type) {
  for (auto graph = building.rbegin(); graph != building.rend(); ++graph) {
    const GraphDef& def = (*graph)->builder.graph();
    const auto it = def.composites.find(type);
    if (it == def.composites.end()) continue;
    Composites composites = MakeComposites(runtime, folder);
    return CompositeContract(type, *it->second, *runtime.registry, composites);
  }
  return weft::FindContract(type, runtime, folder);
}

std::vector<std::string> Door::TypeNames() const {
  std::vector<std::string> names = runtime.registry->TypeNames();
  for (std::string& name : MakeComposites(runtime, folder).TypeNames()) {
    names.push_back(std::move(name));
  }
  return names;
}

void OpenWeft(lua_State* L) {
  lua_newtable(L);
  OpenObjects(L);
  OpenTensors(L);
  PushNull(L);
  lua_setfield(L, -2, "null");
  lua_pushcfunction(L, Call<TypeName>);
  lua_setfield(L, -2, "type");
  // A LuaFunction computes with values and has no door.
  if (LuaState::Of(L).door != nullptr) {
    OpenGraphFunctions(L);
    if (Door::Of(L).is_live()) {
      OpenLiveFunctions(L);
      OpenGraphObjects(L);
    }
    lua_newtable(L);
    lua_pushcfunction(L, Call<IndexWeft>);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
  }
  lua_setglobal(L, "weft");
}

}  // namespace weft
