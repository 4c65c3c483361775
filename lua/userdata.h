#ifndef WEFT_LUA_USERDATA_H_
#define WEFT_LUA_USERDATA_H_

#include <lua.hpp>
#include <new>
#include <utility>

#include "lua/state.h"

namespace weft {

// C++ objects inside of Lua's: T is destroyed when Lua lets go of it. T::kLuaName names the
// metatable, which scripts cannot see or change.

template <typename T>
int DestroyUserdata(lua_State* L) {
  static_cast<T*>(lua_touserdata(L, 1))->~T();
  return 0;
}

// Makes the metatable and leaves it on the stack; `methods` go into it.
template <typename T>
void MakeMetatable(lua_State* L, const luaL_Reg* methods) {
  luaL_newmetatable(L, T::kLuaName);
  luaL_setfuncs(L, methods, 0);
  lua_pushcfunction(L, DestroyUserdata<T>);
  lua_setfield(L, -2, "__gc");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
}

template <typename T, typename... Arguments>
T* PushUserdata(lua_State* L, Arguments&&... arguments) {
  void* memory = lua_newuserdatauv(L, sizeof(T), 0);
  T* made = new (memory) T{std::forward<Arguments>(arguments)...};
  luaL_setmetatable(L, T::kLuaName);
  return made;
}

// Null where the value is something else.
template <typename T>
T* UserdataAt(lua_State* L, int index) {
  return static_cast<T*>(luaL_testudata(L, index, T::kLuaName));
}

}  // namespace weft

#endif  // WEFT_LUA_USERDATA_H_
