// The string and utf8 libraries for sandboxed scripts: pattern matching with our own matcher,
// and all that takes long, or makes long strings, within the limits of the state.

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lua/call.h"
#include "lua/pattern.h"
#include "lua/sandbox.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr int64_t kBytesAStep = 16;

absl::string_view TextAt(lua_State* L, int index) {
  size_t size = 0;
  const char* text = luaL_checklstring(L, index, &size);
  return {text, size};
}

// Position `i` of Lua, which counts from 1 or from the end, as an offset.
size_t Offset(lua_Integer i, size_t size) {
  if (i > 0) return static_cast<size_t>(i) - 1;
  if (i == 0 || i < -static_cast<lua_Integer>(size)) return 0;
  return size - static_cast<size_t>(-i);
}

// Charges the steps that matching took; raises where they were too many.
absl::Status Settle(lua_State* L, int64_t before, int64_t after, const absl::Status& status) {
  LuaState& state = LuaState::Of(L);
  state.Charge(L, before - std::max<int64_t>(after, -1));
  return status;
}

template <typename Search>
absl::StatusOr<std::optional<Pattern::Match>> Matched(lua_State* L, const Search& search) {
  int64_t steps = LuaState::Of(L).steps_left();
  const int64_t before = steps;
  absl::StatusOr<std::optional<Pattern::Match>> match = search(steps);
  WEFT_RETURN_IF_ERROR(Settle(L, before, steps, match.status()));
  return match;
}

void PushCapture(lua_State* L, absl::string_view subject, const Pattern::Capture& capture) {
  if (capture.position) {
    lua_pushinteger(L, static_cast<lua_Integer>(capture.begin) + 1);
  } else {
    lua_pushlstring(L, subject.data() + capture.begin, capture.end - capture.begin);
  }
}

// Pushes the captures, or the whole match where the pattern has none.
int PushCaptures(lua_State* L, absl::string_view subject, const Pattern::Match& match) {
  luaL_checkstack(L, static_cast<int>(match.captures.size()) + 1, "too many captures");
  if (match.captures.empty()) {
    lua_pushlstring(L, subject.data() + match.begin, match.end - match.begin);
    return 1;
  }
  for (const Pattern::Capture& capture : match.captures) PushCapture(L, subject, capture);
  return static_cast<int>(match.captures.size());
}

bool HasSpecials(absl::string_view pattern) {
  return pattern.find_first_of("^$*+?.([%-") != absl::string_view::npos;
}

absl::StatusOr<int> FindOrMatch(lua_State* L, bool find) {
  const absl::string_view subject = TextAt(L, 1);
  const absl::string_view text = TextAt(L, 2);
  const size_t from = Offset(luaL_optinteger(L, 3, 1), subject.size());
  if (from > subject.size()) {
    luaL_pushfail(L);
    return 1;
  }
  if (find && (lua_toboolean(L, 4) != 0 || !HasSpecials(text))) {
    LuaState::Of(L).Charge(L, static_cast<int64_t>(subject.size() + text.size()) / kBytesAStep);
    // memmem takes linear time, whatever the texts are.
    const void* found =
        memmem(subject.data() + from, subject.size() - from, text.data(), text.size());
    if (found == nullptr) {
      luaL_pushfail(L);
      return 1;
    }
    const auto at = static_cast<size_t>(static_cast<const char*>(found) - subject.data());
    lua_pushinteger(L, static_cast<lua_Integer>(at) + 1);
    lua_pushinteger(L, static_cast<lua_Integer>(at + text.size()));
    return 2;
  }
  WEFT_ASSIGN_OR_RETURN(const Pattern pattern, Pattern::Compile(text));
  WEFT_ASSIGN_OR_RETURN(const std::optional<Pattern::Match> match, Matched(L, [&](int64_t& steps) {
                          return pattern.Find(subject, from, steps);
                        }));
  if (!match.has_value()) {
    luaL_pushfail(L);
    return 1;
  }
  if (!find) return PushCaptures(L, subject, *match);
  lua_pushinteger(L, static_cast<lua_Integer>(match->begin) + 1);
  lua_pushinteger(L, static_cast<lua_Integer>(match->end));
  return 2 + (match->captures.empty() ? 0 : PushCaptures(L, subject, *match));
}

absl::StatusOr<int> Find(lua_State* L) { return FindOrMatch(L, true); }
absl::StatusOr<int> MatchText(lua_State* L) { return FindOrMatch(L, false); }

// Upvalues: the subject, the pattern, where to go on, where the last match ended (or -1).
absl::StatusOr<int> NextMatch(lua_State* L) {
  const absl::string_view subject = TextAt(L, lua_upvalueindex(1));
  auto from = static_cast<size_t>(lua_tointeger(L, lua_upvalueindex(3)));
  const lua_Integer last_end = lua_tointeger(L, lua_upvalueindex(4));
  WEFT_ASSIGN_OR_RETURN(const Pattern pattern, Pattern::Compile(TextAt(L, lua_upvalueindex(2))));
  while (from <= subject.size()) {
    // As in the library, "^" means nothing here.
    WEFT_ASSIGN_OR_RETURN(
        const std::optional<Pattern::Match> match,
        Matched(L, [&](int64_t& steps) { return pattern.At(subject, from, steps); }));
    if (!match.has_value() || static_cast<lua_Integer>(match->end) == last_end) {
      ++from;
      continue;
    }
    lua_pushinteger(L, static_cast<lua_Integer>(match->end));
    lua_copy(L, -1, lua_upvalueindex(3));
    lua_replace(L, lua_upvalueindex(4));
    return PushCaptures(L, subject, *match);
  }
  lua_pushinteger(L, static_cast<lua_Integer>(from));
  lua_replace(L, lua_upvalueindex(3));
  return 0;
}

absl::StatusOr<int> Gmatch(lua_State* L) {
  const absl::string_view subject = TextAt(L, 1);
  const absl::string_view text = TextAt(L, 2);
  WEFT_RETURN_IF_ERROR(Pattern::Compile(text).status());
  const size_t from = Offset(luaL_optinteger(L, 3, 1), subject.size());
  lua_settop(L, 2);
  lua_pushinteger(L, static_cast<lua_Integer>(from));
  lua_pushinteger(L, -1);
  lua_pushcclosure(L, Call<NextMatch>, 4);
  return 1;
}

// Appends what a text with %0 to %9 becomes.
absl::Status Expand(lua_State* L, absl::string_view text, absl::string_view subject,
                    const Pattern::Match& match, std::string& out) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    ++i;
    const char c = i < text.size() ? text[i] : '\0';
    if (c == '%') {
      out += '%';
      continue;
    }
    if (c < '0' || c > '9') return Invalid("invalid use of '%' in replacement string");
    const size_t index = static_cast<size_t>(c - '0');
    if (index == 0 || (index == 1 && match.captures.empty())) {
      absl::StrAppend(&out, subject.substr(match.begin, match.end - match.begin));
    } else if (index > match.captures.size()) {
      return Invalid("invalid capture index %", index, " in replacement string");
    } else {
      PushCapture(L, subject, match.captures[index - 1]);
      absl::StrAppend(&out, TextAt(L, -1));
      lua_pop(L, 1);
    }
  }
  return absl::OkStatus();
}

// Appends what the third argument of gsub makes of a match.
absl::Status Replace(lua_State* L, absl::string_view subject, const Pattern::Match& match,
                     std::string& out) {
  const int type = lua_type(L, 3);
  if (type == LUA_TSTRING || type == LUA_TNUMBER) {
    return Expand(L, TextAt(L, 3), subject, match, out);
  }
  if (type == LUA_TTABLE) {
    PushCaptures(L, subject, match);
    lua_settop(L, -static_cast<int>(std::max<size_t>(match.captures.size(), 1)));
    lua_gettable(L, 3);
  } else {
    lua_pushvalue(L, 3);
    lua_call(L, PushCaptures(L, subject, match), 1);
  }
  if (lua_toboolean(L, -1) == 0) {
    absl::StrAppend(&out, subject.substr(match.begin, match.end - match.begin));
  } else if (lua_isstring(L, -1) != 0) {
    absl::StrAppend(&out, TextAt(L, -1));
  } else {
    return Invalid("invalid replacement value (a ", luaL_typename(L, -1), ")");
  }
  lua_pop(L, 1);
  return absl::OkStatus();
}

absl::Status CheckLength(lua_State* L, size_t bytes) {
  const LuaState& state = LuaState::Of(L);
  return bytes <= state.limits().string ? absl::OkStatus() : state.StringTooLong();
}

absl::StatusOr<int> Gsub(lua_State* L) {
  const absl::string_view subject = TextAt(L, 1);
  WEFT_ASSIGN_OR_RETURN(const Pattern pattern, Pattern::Compile(TextAt(L, 2)));
  const int type = lua_type(L, 3);
  luaL_argexpected(
      L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE,
      3, "string/function/table");
  const lua_Integer most = luaL_optinteger(L, 4, static_cast<lua_Integer>(subject.size()) + 1);
  std::string out;
  size_t at = 0;
  size_t last_end = std::string::npos;
  lua_Integer count = 0;
  while (count < most) {
    WEFT_ASSIGN_OR_RETURN(
        const std::optional<Pattern::Match> match,
        Matched(L, [&](int64_t& steps) { return pattern.At(subject, at, steps); }));
    if (match.has_value() && match->end != last_end) {
      ++count;
      WEFT_RETURN_IF_ERROR(Replace(L, subject, *match, out));
      at = last_end = match->end;
    } else if (at < subject.size()) {
      out += subject[at++];
    } else {
      break;
    }
    WEFT_RETURN_IF_ERROR(CheckLength(L, out.size()));
    if (at > subject.size() || pattern.anchored()) break;
  }
  if (at < subject.size()) absl::StrAppend(&out, subject.substr(at));
  WEFT_RETURN_IF_ERROR(CheckLength(L, out.size()));
  LuaState::Of(L).Charge(L, static_cast<int64_t>(out.size()) / kBytesAStep);
  lua_pushlstring(L, out.data(), out.size());
  lua_pushinteger(L, count);
  return 2;
}

absl::StatusOr<int> Rep(lua_State* L) {
  const absl::string_view text = TextAt(L, 1);
  const lua_Integer count = luaL_checkinteger(L, 2);
  const absl::string_view separator = lua_isnoneornil(L, 3) ? absl::string_view() : TextAt(L, 3);
  if (count <= 0) {
    lua_pushliteral(L, "");
    return 1;
  }
  const size_t most = LuaState::Of(L).limits().string;
  const size_t one = text.size() + separator.size();
  if (one > 0 && static_cast<size_t>(count) > most / one + 1) {
    WEFT_RETURN_IF_ERROR(CheckLength(L, most + 1));
  }
  std::string out;
  if (one > 0) {
    WEFT_RETURN_IF_ERROR(CheckLength(L, one * static_cast<size_t>(count) - separator.size()));
    LuaState::Of(L).Charge(L, static_cast<int64_t>(one) * count / kBytesAStep);
    out.reserve(one * static_cast<size_t>(count));
    for (lua_Integer i = 0; i < count; ++i) {
      if (i > 0) absl::StrAppend(&out, separator);
      absl::StrAppend(&out, text);
    }
  }
  lua_pushlstring(L, out.data(), out.size());
  return 1;
}

// Charges for the length of the first argument, then goes on as the library's function, upvalue 1,
// in its place: what it raises names the script's line.
int Charged(lua_State* L) {
  if (lua_type(L, 1) == LUA_TSTRING) {
    LuaState::Of(L).Charge(L, static_cast<int64_t>(lua_rawlen(L, 1)) / kBytesAStep);
  }
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

// Puts Charged in front of all functions of the table on top.
void ChargeAll(lua_State* L) {
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    if (lua_iscfunction(L, -1) == 0) {
      lua_pop(L, 1);
      continue;
    }
    lua_pushcclosure(L, Charged, 1);
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -4);  // of a field that is there already: the walk goes on
  }
}

}  // namespace

void OpenBoundedStrings(lua_State* L) {
  luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 1);
  lua_pushnil(L);
  lua_setfield(L, -2, "dump");  // bytecode
  ChargeAll(L);
  constexpr luaL_Reg kOurs[] = {{"find", Call<Find>},     {"match", Call<MatchText>},
                                {"gmatch", Call<Gmatch>}, {"gsub", Call<Gsub>},
                                {"rep", Call<Rep>},       {nullptr, nullptr}};
  luaL_setfuncs(L, kOurs, 0);
  // The metatable of strings is everybody's.
  lua_pushliteral(L, "");
  lua_getmetatable(L, -1);
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 3);
  luaL_requiref(L, LUA_UTF8LIBNAME, luaopen_utf8, 1);
  ChargeAll(L);
  lua_pop(L, 1);
}

}  // namespace weft
