// The table library for sandboxed scripts: as Lua's own, but each element that is touched counts as
// an instruction, so that no call goes on for ever.

#include "lua/call.h"
#include "lua/sandbox.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// A number of elements as steps, at most what certainly exceeds every limit.
int64_t Steps(lua_Integer first, lua_Integer last) {
  if (last < first) return 0;
  const auto count = static_cast<lua_Unsigned>(last) - static_cast<lua_Unsigned>(first);
  constexpr lua_Unsigned kMost = lua_Unsigned{1} << 60;
  return static_cast<int64_t>(count < kMost ? count : kMost) + 1;
}

void Charge(lua_State* L, int64_t steps) { LuaState::Of(L).Charge(L, steps); }

// What may stand in for a table: anything that can be indexed.
void CheckTable(lua_State* L, int index) {
  if (lua_type(L, index) != LUA_TTABLE && luaL_getmetafield(L, index, "__index") == LUA_TNIL) {
    luaL_checktype(L, index, LUA_TTABLE);
  }
}

absl::StatusOr<int> Concat(lua_State* L) {
  CheckTable(L, 1);
  size_t separator_size = 0;
  const char* separator = luaL_optlstring(L, 2, "", &separator_size);
  const lua_Integer first = luaL_optinteger(L, 3, 1);
  const lua_Integer last = lua_isnoneornil(L, 4) ? luaL_len(L, 1) : luaL_checkinteger(L, 4);
  lua_settop(L, 4);
  std::string out;
  for (lua_Integer i = first; i <= last; ++i) {
    lua_geti(L, 1, i);
    size_t size = 0;
    const char* text = lua_isstring(L, -1) != 0 ? lua_tolstring(L, -1, &size) : nullptr;
    if (text == nullptr) {
      return Invalid("invalid value (at index ", i, ") in table for 'concat'");
    }
    Charge(L, 2 + static_cast<int64_t>(size) / 16);
    out.append(text, size);
    lua_pop(L, 1);
    if (i < last) out.append(separator, separator_size);
    if (out.size() > LuaState::Of(L).limits().string) {
      return LuaState::Of(L).StringTooLong();
    }
    if (i == last) break;  // it may be the largest integer
  }
  lua_pushlstring(L, out.data(), out.size());
  return 1;
}

absl::StatusOr<int> Unpack(lua_State* L) {
  const lua_Integer first = luaL_optinteger(L, 2, 1);
  const lua_Integer last = lua_isnoneornil(L, 3) ? luaL_len(L, 1) : luaL_checkinteger(L, 3);
  const int64_t count = Steps(first, last);
  if (count >= 1'000'000 || lua_checkstack(L, static_cast<int>(count)) == 0) {
    return Invalid("too many results to unpack");
  }
  Charge(L, count);
  for (int64_t i = 0; i < count; ++i) lua_geti(L, 1, first + i);
  return static_cast<int>(count);
}

absl::StatusOr<int> Insert(lua_State* L) {
  CheckTable(L, 1);
  const lua_Integer end = luaL_len(L, 1) + 1;
  const int arguments = lua_gettop(L);
  if (arguments == 2) {
    lua_seti(L, 1, end);
    return 0;
  }
  if (arguments != 3) return Invalid("wrong number of arguments to 'insert'");
  const lua_Integer at = luaL_checkinteger(L, 2);
  if (at < 1 || at > end) return Invalid("bad argument #2 to 'insert' (position out of bounds)");
  Charge(L, Steps(at, end));
  for (lua_Integer i = end; i > at; --i) {
    lua_geti(L, 1, i - 1);
    lua_seti(L, 1, i);
  }
  lua_seti(L, 1, at);
  return 0;
}

absl::StatusOr<int> Remove(lua_State* L) {
  CheckTable(L, 1);
  const lua_Integer size = luaL_len(L, 1);
  const lua_Integer at = luaL_optinteger(L, 2, size);
  if (lua_gettop(L) > 1 && size + 1 != at && (at < 1 || at > size + 1)) {
    return Invalid("bad argument #2 to 'remove' (position out of bounds)");
  }
  Charge(L, Steps(at, size));
  lua_settop(L, 1);
  lua_geti(L, 1, at);
  lua_Integer i = at;
  for (; i < size; ++i) {
    lua_geti(L, 1, i + 1);
    lua_seti(L, 1, i);
  }
  lua_pushnil(L);
  lua_seti(L, 1, i);
  return 1;
}

absl::StatusOr<int> Move(lua_State* L) {
  const lua_Integer first = luaL_checkinteger(L, 2);
  const lua_Integer last = luaL_checkinteger(L, 3);
  const lua_Integer to = luaL_checkinteger(L, 4);
  const int target = lua_isnoneornil(L, 5) ? 1 : 5;
  CheckTable(L, 1);
  CheckTable(L, target);
  if (last >= first) {
    const int64_t count = Steps(first, last);
    Charge(L, count);
    if (to > LUA_MAXINTEGER - count) return Invalid("bad argument #4 to 'move' (wraps around)");
    const bool backwards = to > first && to <= last && (target == 1 || lua_rawequal(L, 1, target));
    for (int64_t k = 0; k < count; ++k) {
      const int64_t i = backwards ? count - 1 - k : k;
      lua_geti(L, 1, first + i);
      lua_seti(L, target, to + i);
    }
  }
  lua_pushvalue(L, target);
  return 1;
}

absl::StatusOr<int> Pack(lua_State* L) {
  const int count = lua_gettop(L);
  lua_createtable(L, count, 1);
  lua_insert(L, 1);
  for (int i = count; i >= 1; --i) lua_rawseti(L, 1, i);
  lua_pushinteger(L, count);
  lua_setfield(L, 1, "n");
  return 1;
}

// The comparison of a sort, counted. Upvalue 1: the script's own, or nil.
int Compare(lua_State* L) {
  LuaState::Of(L).Charge(L, 8);
  if (lua_isnil(L, lua_upvalueindex(1))) {
    lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPLT));
    return 1;
  }
  lua_settop(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 2, 1);
  return 1;
}

// Upvalue 1: the library's sort, which ends for any comparison.
int Sort(lua_State* L) {
  if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  lua_pushcclosure(L, Compare, 1);
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

}  // namespace

void OpenBoundedTables(lua_State* L) {
  luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 1);
  lua_getfield(L, -1, "sort");
  lua_pushcclosure(L, Sort, 1);
  lua_setfield(L, -2, "sort");
  constexpr luaL_Reg kOurs[] = {{"concat", Call<Concat>}, {"unpack", Call<Unpack>},
                                {"insert", Call<Insert>}, {"remove", Call<Remove>},
                                {"move", Call<Move>},     {"pack", Call<Pack>},
                                {nullptr, nullptr}};
  luaL_setfuncs(L, kOurs, 0);
  lua_pop(L, 1);
}

}  // namespace weft
