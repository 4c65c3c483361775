#include "lua/sandbox.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "lua/call.h"

namespace weft {
namespace {

// A finaliser runs where the limits are not watched, and a weak one may run after the script.
int SetMetatable(lua_State* L) {
  const int type = lua_type(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
  if (type == LUA_TTABLE) {
    lua_pushliteral(L, "__gc");
    lua_rawget(L, 2);
    if (!lua_isnil(L, -1)) return luaL_error(L, "__gc is not available to sandboxed scripts");
    lua_pop(L, 1);
  }
  if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) {
    return luaL_error(L, "cannot change a protected metatable");
  }
  lua_settop(L, 2);
  lua_setmetatable(L, 1);
  return 1;
}

int Print(lua_State* L) {
  std::string line;
  const int count = lua_gettop(L);
  for (int i = 1; i <= count; ++i) {
    size_t size = 0;
    const char* text = luaL_tolstring(L, i, &size);
    if (i > 1) line += '\t';
    line.append(text, size);
    lua_pop(L, 1);
  }
  LuaState& state = LuaState::Of(L);
  state.Charge(L, 1000 + static_cast<int64_t>(line.size()));
  if (state.print) state.print(line);
  return 0;
}

// Same seed, same numbers: a graph must not be another one each time it is read.
int RandomSeed(lua_State* L) {
  luaL_checkany(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 0);
  return 0;
}

}  // namespace

void OpenSandbox(lua_State* L) {
  luaL_requiref(L, LUA_GNAME, luaopen_base, 1);
  for (const char* name : {"collectgarbage", "dofile", "load", "loadfile"}) {
    lua_pushnil(L);
    lua_setfield(L, -2, name);
  }
  lua_pop(L, 1);
  lua_pushcfunction(L, SetMetatable);
  lua_setglobal(L, "setmetatable");
  lua_pushcfunction(L, Print);
  lua_setglobal(L, "print");
  OpenBoundedStrings(L);
  OpenBoundedTables(L);
  OpenBoundedCoroutines(L);
  luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 1);
  lua_getfield(L, -1, "randomseed");
  lua_pushinteger(L, 0);
  lua_call(L, 1, 0);
  lua_getfield(L, -1, "randomseed");
  lua_pushcclosure(L, RandomSeed, 1);
  lua_setfield(L, -2, "randomseed");
  lua_pop(L, 1);
  // luaL_requiref has filed the libraries where scripts cannot reach; what it keeps there would
  // hold the originals of what was replaced.
  lua_pushnil(L);
  lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
}

}  // namespace weft
