#include "lua/values.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lua/call.h"
#include "lua/userdata.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr int kMostNesting = 32;

struct HeldObject {
  static constexpr char kLuaName[] = "weft.object";
  std::shared_ptr<const Object> object;
};

absl::StatusOr<Value> Convert(lua_State* L, int index, int nesting);

// A table whose keys are 1..n; `count` of them.
absl::StatusOr<Value> ConvertList(lua_State* L, int index, lua_Unsigned count, int nesting) {
  List list;
  list.reserve(count);
  for (lua_Unsigned i = 1; i <= count; ++i) {
    lua_rawgeti(L, index, static_cast<lua_Integer>(i));
    absl::StatusOr<Value> item = Convert(L, lua_gettop(L), nesting + 1);
    if (!item.ok()) return Annotate(item.status(), absl::StrCat("[", i, "]"));
    list.push_back(*std::move(item));
    lua_pop(L, 1);
  }
  return Value(std::move(list));
}

absl::StatusOr<Value> ConvertRecord(lua_State* L, int index, int nesting) {
  Record record;
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    if (lua_type(L, -2) != LUA_TSTRING) {
      return Invalid("a table is a list with keys 1, 2, … or a record with names, not both");
    }
    size_t size = 0;
    const char* text = lua_tolstring(L, -2, &size);
    const std::string name(text, size);
    absl::StatusOr<Value> item = Convert(L, lua_gettop(L), nesting + 1);
    if (!item.ok()) return Annotate(item.status(), name);
    record[name] = *std::move(item);
    lua_pop(L, 1);
  }
  return Value(std::move(record));
}

absl::StatusOr<Value> ConvertTable(lua_State* L, int index, int nesting) {
  if (nesting >= kMostNesting) return Invalid("tables are nested deeper than ", kMostNesting);
  luaL_checkstack(L, 4, "values are nested too deeply");
  // What is made of it lies outside of the interpreter's memory: a table that holds itself many
  // times over would grow without a bound.
  LuaState::Of(L).Charge(L, 64);
  const lua_Unsigned count = lua_rawlen(L, index);
  lua_pushnil(L);
  if (lua_next(L, index) == 0) return Value(List());
  const bool list = lua_isinteger(L, -2) != 0;
  lua_pop(L, 2);
  if (!list) return ConvertRecord(L, index, nesting);
  lua_Unsigned keys = 0;
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    ++keys;
    lua_pop(L, 1);
    if (lua_isinteger(L, -1) == 0) {
      return Invalid("a table is a list with keys 1, 2, … or a record with names, not both");
    }
  }
  if (keys != count) {
    return Invalid("a list has keys 1, 2, … without gaps (weft.null stands for nothing)");
  }
  LuaState::Of(L).Charge(L, 4 * static_cast<int64_t>(count));
  return ConvertList(L, index, count, nesting);
}

absl::StatusOr<Value> Convert(lua_State* L, int index, int nesting) {
  switch (lua_type(L, index)) {
    case LUA_TNONE:
    case LUA_TNIL:
      return Value();
    case LUA_TBOOLEAN:
      return Value(lua_toboolean(L, index) != 0);
    case LUA_TNUMBER:
      if (lua_isinteger(L, index) != 0) {
        return Value(static_cast<int64_t>(lua_tointeger(L, index)));
      }
      return Value(static_cast<double>(lua_tonumber(L, index)));
    case LUA_TSTRING: {
      size_t size = 0;
      const char* text = lua_tolstring(L, index, &size);
      LuaState::Of(L).Charge(L, static_cast<int64_t>(size) / 4);
      return Value(std::string(text, size));
    }
    case LUA_TTABLE:
      return ConvertTable(L, index, nesting);
    case LUA_TUSERDATA:
      if (const Tensor* tensor = TensorAt(L, index)) return Value(*tensor);
      if (const auto* held = UserdataAt<HeldObject>(L, index)) return Value(held->object);
      break;
    case LUA_TLIGHTUSERDATA:
      if (IsNull(L, index)) return Value();
      break;
    default:
      break;
  }
  return Invalid("a ", KindAt(L, index), " is no value that a node could take");
}

absl::StatusOr<int> IndexObject(lua_State* L) {
  const auto* held = UserdataAt<HeldObject>(L, 1);
  if (held == nullptr) return Invalid("expected an object of weft");
  const std::string type(held->object->type_name());
  lua_getfield(L, LUA_REGISTRYINDEX, absl::StrCat("weft.methods.", type).c_str());
  if (lua_istable(L, -1)) {
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) != LUA_TNIL) return 1;
  }
  WEFT_ASSIGN_OR_RETURN(const std::string name, CheckText(L, 2));
  if (name == "type") {
    lua_pushstring(L, type.c_str());
    return 1;
  }
  return Invalid("a ", type, " has no \"", name, "\"");
}

absl::StatusOr<int> ObjectToText(lua_State* L) {
  const auto* held = UserdataAt<HeldObject>(L, 1);
  if (held == nullptr) return Invalid("expected an object of weft");
  lua_pushstring(L, std::string(held->object->type_name()).c_str());
  return 1;
}

}  // namespace

void PushNull(lua_State* L) { lua_pushlightuserdata(L, nullptr); }

bool IsNull(lua_State* L, int index) {
  return lua_islightuserdata(L, index) && lua_touserdata(L, index) == nullptr;
}

std::string KindAt(lua_State* L, int index) {
  if (TensorAt(L, index) != nullptr) return "tensor";
  if (const std::shared_ptr<const Object> object = ObjectAt(L, index)) {
    return std::string(object->type_name());
  }
  if (IsNull(L, index)) return "null";
  return luaL_typename(L, index);
}

void PushValue(lua_State* L, const Value& value) {
  luaL_checkstack(L, 4, "values are nested too deeply");
  if (const bool* x = value.AsBool()) {
    lua_pushboolean(L, *x ? 1 : 0);
  } else if (const int64_t* whole = value.AsInt()) {
    lua_pushinteger(L, *whole);
  } else if (const double* d = value.AsFloat()) {
    lua_pushnumber(L, *d);
  } else if (const std::string* text = value.AsText()) {
    lua_pushlstring(L, text->data(), text->size());
  } else if (const Tensor* tensor = value.AsTensor()) {
    PushTensor(L, *tensor);
  } else if (const List* list = value.AsList()) {
    lua_createtable(L, static_cast<int>(std::min<size_t>(list->size(), 1 << 20)), 0);
    lua_Integer i = 0;
    for (const Value& item : *list) {
      if (item.is_null()) {
        PushNull(L);
      } else {
        PushValue(L, item);
      }
      lua_rawseti(L, -2, ++i);
    }
  } else if (const Record* record = value.AsRecord()) {
    lua_createtable(L, 0, static_cast<int>(std::min<size_t>(record->size(), 1 << 20)));
    for (const auto& [name, item] : *record) {
      lua_pushlstring(L, name.data(), name.size());
      PushValue(L, item);
      lua_rawset(L, -3);
    }
  } else if (value.AsObject() != nullptr) {
    PushUserdata<HeldObject>(L, value.SharedObject());
  } else {
    lua_pushnil(L);
  }
}

absl::StatusOr<Value> ToValue(lua_State* L, int index) {
  return Convert(L, lua_absindex(L, index), 0);
}

std::shared_ptr<const Object> ObjectAt(lua_State* L, int index) {
  const auto* held = UserdataAt<HeldObject>(L, index);
  return held != nullptr ? held->object : nullptr;
}

absl::StatusOr<int64_t> CheckInt(lua_State* L, int index) {
  int exact = 0;
  const lua_Integer i = lua_type(L, index) == LUA_TNUMBER ? lua_tointegerx(L, index, &exact) : 0;
  if (exact == 0) return Invalid("expected a whole number, not ", KindAt(L, index));
  return static_cast<int64_t>(i);
}

absl::StatusOr<double> CheckNumber(lua_State* L, int index) {
  if (lua_type(L, index) == LUA_TNUMBER) return static_cast<double>(lua_tonumber(L, index));
  return Invalid("expected a number, not ", KindAt(L, index));
}

absl::StatusOr<std::string> CheckText(lua_State* L, int index) {
  if (lua_type(L, index) != LUA_TSTRING) {
    return Invalid("expected text, not ", KindAt(L, index));
  }
  size_t size = 0;
  const char* text = lua_tolstring(L, index, &size);
  return std::string(text, size);
}

absl::StatusOr<std::vector<int64_t>> CheckInts(lua_State* L, int index) {
  if (!lua_istable(L, index)) {
    return Invalid("expected a table of whole numbers, not ", KindAt(L, index));
  }
  index = lua_absindex(L, index);
  const lua_Unsigned count = lua_rawlen(L, index);
  if (count > 64) return Invalid("expected at most 64 numbers, not ", count);
  std::vector<int64_t> numbers;
  for (lua_Unsigned i = 1; i <= count; ++i) {
    lua_rawgeti(L, index, static_cast<lua_Integer>(i));
    WEFT_ASSIGN_OR_RETURN(numbers.emplace_back(), CheckInt(L, -1));
    lua_pop(L, 1);
  }
  return numbers;
}

void AddObjectMethod(lua_State* L, const char* type, const char* name, lua_CFunction method) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, absl::StrCat("weft.methods.", type).c_str());
  lua_pushcfunction(L, method);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

void OpenObjects(lua_State* L) {
  constexpr luaL_Reg kMethods[] = {
      {"__index", Call<IndexObject>}, {"__tostring", Call<ObjectToText>}, {nullptr, nullptr}};
  MakeMetatable<HeldObject>(L, kMethods);
  lua_pop(L, 1);
}

}  // namespace weft
