#include "lua/completion.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace weft {
namespace {

bool IsWord(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// The type X where `typed` ends inside of the braces of "weft.X{", or "".
std::string OpenNode(absl::string_view typed) {
  int depth = 0;
  for (size_t i = typed.size(); i-- > 0;) {
    if (typed[i] == '}') ++depth;
    if (typed[i] != '{' || depth-- > 0) continue;
    size_t begin = i;
    while (begin > 0 && IsWord(typed[begin - 1])) --begin;
    if (!absl::EndsWith(typed.substr(0, begin), "weft.")) return "";
    return std::string(typed.substr(begin, i - begin));
  }
  return "";
}

// The names in the global table `name`, or in that of globals for "".
std::vector<std::string> NamesIn(LuaProgram& program, const std::string& name) {
  std::vector<std::string> names;
  const absl::Status status = LuaState::Of(program.lua()).Protected([&](lua_State* L) {
    lua_pushglobaltable(L);
    if (!name.empty()) {
      lua_pushstring(L, name.c_str());
      lua_rawget(L, -2);
    }
    if (!lua_istable(L, -1)) return;
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) {
      lua_pop(L, 1);
      if (lua_type(L, -1) == LUA_TSTRING) names.emplace_back(lua_tostring(L, -1));
    }
  });
  if (!status.ok()) names.clear();  // nothing to offer
  return names;
}

}  // namespace

Completions Complete(LuaProgram& program, absl::string_view typed) {
  Completions found;
  size_t begin = typed.size();
  while (begin > 0 && IsWord(typed[begin - 1])) --begin;
  found.begin = begin;
  const absl::string_view word = typed.substr(begin);
  const absl::string_view before = typed.substr(0, begin);
  std::vector<std::string> names;
  std::string suffix;
  if (absl::EndsWith(before, ".") || absl::EndsWith(before, ":")) {
    size_t table = begin - 1;
    while (table > 0 && IsWord(typed[table - 1])) --table;
    const std::string name(typed.substr(table, begin - 1 - table));
    if (!name.empty()) names = NamesIn(program, name);
    if (name == "weft") {
      for (std::string& type : program.door().TypeNames()) {
        // Not every file that lies about is a composite.
        if (absl::StartsWith(type, word) && program.door().FindContract(type).ok()) {
          names.push_back(std::move(type));
        }
      }
    }
  } else if (const std::string type = OpenNode(before); !type.empty()) {
    const absl::StatusOr<Contract> contract = program.door().FindContract(type);
    if (contract.ok()) names = contract->InputNames();
    suffix = " = ";
    if (names.empty()) names = NamesIn(program, "");
  } else {
    names = NamesIn(program, "");
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const std::string& name : names) {
    if (absl::StartsWith(name, word)) found.words.push_back(name + suffix);
  }
  return found;
}

}  // namespace weft
