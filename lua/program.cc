#include "lua/program.h"

#include <cstdio>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/backend/cpu/cpu_backend.h"
#include "runtime/base/file.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr size_t kLongestScript = size_t{64} << 20;

// The first line of a script may say which program runs it.
absl::string_view WithoutShebang(absl::string_view text) {
  if (!absl::StartsWith(text, "#")) return text;
  const size_t end = text.find('\n');
  return end == absl::string_view::npos ? "" : text.substr(end);
}

void PushArguments(lua_State* L, const std::string& path,
                   const std::vector<std::string>& arguments) {
  lua_newtable(L);
  lua_pushstring(L, path.c_str());
  lua_rawseti(L, -2, 0);
  for (size_t i = 0; i < arguments.size(); ++i) {
    lua_pushlstring(L, arguments[i].data(), arguments[i].size());
    lua_rawseti(L, -2, static_cast<lua_Integer>(i) + 1);
  }
  lua_setglobal(L, "arg");
}

// Whether compiling failed because the text ends too early; pops the error if so.
bool EndsTooEarly(lua_State* L) {
  const char* message = lua_tostring(L, -1);
  return message != nullptr && absl::EndsWith(message, "<eof>");
}

void PrintResults(lua_State* L) {
  const int count = lua_gettop(L);
  if (count == 0) return;
  luaL_checkstack(L, 4, "too many results to print");
  lua_getglobal(L, "print");
  lua_insert(L, 1);
  lua_call(L, count, 0);
}

}  // namespace

absl::StatusOr<std::unique_ptr<LuaProgram>> LuaProgram::Make(const WeftRuntime& weft,
                                                             const std::atomic<bool>* cancelled) {
  std::unique_ptr<LuaProgram> program(new LuaProgram(weft));
  program->door_.weft = &weft;
  program->door_.defaults.compute = BestCompute();
  program->door_.defaults.cancelled = cancelled;
  WEFT_ASSIGN_OR_RETURN(program->state_, LuaState::Trusted(cancelled));
  program->state_->door = &program->door_;
  WEFT_RETURN_IF_ERROR(program->state_->Protected([](lua_State* L) { OpenWeft(L); }));
  return program;
}

absl::Status LuaProgram::RunText(absl::string_view text, const std::string& name) {
  return state_->Protected([&](lua_State* L) {
    state_->Load(L, WithoutShebang(text), name);
    lua_call(L, 0, 0);
  });
}

absl::Status LuaProgram::RunFile(const std::string& path,
                                 const std::vector<std::string>& arguments) {
  WEFT_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kLongestScript));
  const std::string folder = std::filesystem::path(path).parent_path().string();
  door_.folder = folder.empty() ? "." : folder;
  return state_->Protected([&](lua_State* L) {
    PushArguments(L, path, arguments);
    state_->Load(L, WithoutShebang(text), "@" + path);
    for (const std::string& argument : arguments) lua_pushstring(L, argument.c_str());
    lua_call(L, static_cast<int>(arguments.size()), 0);
  });
}

LuaProgram::Line LuaProgram::RunTyped(const std::string& text, std::string& error) {
  Line line = Line::kDone;
  const absl::Status status = state_->Protected([&](lua_State* L) {
    // An expression is as good as a statement: its values are printed.
    const std::string expression = "return " + text;
    if (luaL_loadbufferx(L, expression.data(), expression.size(), "=typed", "t") != LUA_OK) {
      lua_pop(L, 1);
      if (luaL_loadbufferx(L, text.data(), text.size(), "=typed", "t") != LUA_OK) {
        if (EndsTooEarly(L)) {
          line = Line::kUnfinished;
          return;
        }
        lua_error(L);
      }
    }
    lua_call(L, 0, LUA_MULTRET);
    PrintResults(L);
  });
  if (status.ok()) return line;
  error = std::string(status.message());
  return Line::kFailed;
}

}  // namespace weft
