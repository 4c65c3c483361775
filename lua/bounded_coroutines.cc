// Protected calls and coroutines for sandboxed scripts: as Lua's own, but the error of a limit
// passes through all of them, for a script that could catch it could go on for ever.

#include "lua/call.h"
#include "lua/sandbox.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr int64_t kThreadSteps = 1000;  // what a thread may do before its first count

// After an error that was caught, which cost more than an instruction.
void PassLimits(lua_State* L) {
  LuaState& state = LuaState::Of(L);
  if (state.exhausted()) state.RaiseExhausted(L);
  state.Charge(L, 100);
}

// After a protected call whose function stood at `base`.
int FinishCall(lua_State* L, int status, int base) {
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - base + 1;
  PassLimits(L);
  lua_pushboolean(L, 0);
  lua_insert(L, -2);
  return 2;
}

int FinishPcall(lua_State* L, int status, lua_KContext) { return FinishCall(L, status, 1); }

int ProtectedCall(lua_State* L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, 1);
  lua_insert(L, 1);
  return FinishPcall(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, FinishPcall), 0);
}

// The error's handler. Upvalue 1: the script's. The limits are not watched while it is called from
// a hook, so it is not called at all for their errors.
int Handle(lua_State* L) {
  if (LuaState::Of(L).exhausted()) return 1;
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

int FinishXpcall(lua_State* L, int status, lua_KContext) {
  // Below the results: the function, the handler, true.
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - 2;
  return FinishCall(L, status, 1);
}

int ExtendedCall(lua_State* L) {
  const int arguments = lua_gettop(L) - 2;
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_pushvalue(L, 2);
  lua_pushcclosure(L, Handle, 1);
  lua_replace(L, 2);
  lua_pushboolean(L, 1);
  lua_pushvalue(L, 1);
  lua_rotate(L, 3, 2);
  return FinishXpcall(L, lua_pcallk(L, arguments, LUA_MULTRET, 2, 2, FinishXpcall), 0);
}

lua_State* ThreadAt(lua_State* L, int index) {
  lua_State* thread = lua_tothread(L, index);
  luaL_argexpected(L, thread != nullptr, index, "coroutine");
  return thread;
}

// Whether a thread has a call in progress; one that has none and nothing on its stack is dead.
bool IsDead(lua_State* thread) {
  const int status = lua_status(thread);
  if (status == LUA_YIELD) return false;
  if (status != LUA_OK) return true;
  lua_Debug at;
  return lua_getstack(thread, 0, &at) == 0 && lua_gettop(thread) == 0;
}

const char* StatusOf(lua_State* L, lua_State* thread) {
  if (thread == L) return "running";
  if (lua_status(thread) == LUA_YIELD) return "suspended";
  if (IsDead(thread)) return "dead";
  lua_Debug at;
  return lua_getstack(thread, 0, &at) != 0 ? "normal" : "suspended";
}

// Resumes with the `arguments` on top of L's stack. Gives the number of results, or -1 with the
// error on top.
int ResumeThread(lua_State* L, lua_State* thread, int arguments) {
  if (lua_checkstack(thread, arguments) == 0) {
    lua_pushliteral(L, "too many arguments to resume");
    return -1;
  }
  lua_xmove(L, thread, arguments);
  int results = 0;
  const int status = lua_resume(thread, L, arguments, &results);
  if (status == LUA_OK || status == LUA_YIELD) {
    if (lua_checkstack(L, results + 1) == 0) {
      lua_pop(thread, results);
      lua_pushliteral(L, "too many results to resume");
      return -1;
    }
    lua_xmove(thread, L, results);
    return results;
  }
  PassLimits(L);
  lua_xmove(thread, L, 1);
  return -1;
}

int Create(lua_State* L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  LuaState::Of(L).Charge(L, kThreadSteps);
  lua_State* thread = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, thread, 1);
  return 1;
}

int Resume(lua_State* L) {
  lua_State* thread = ThreadAt(L, 1);
  const int results = ResumeThread(L, thread, lua_gettop(L) - 1);
  lua_pushboolean(L, results >= 0 ? 1 : 0);
  lua_insert(L, results >= 0 ? -(results + 1) : -2);
  return results >= 0 ? results + 1 : 2;
}

int ResumeWrapped(lua_State* L) {
  lua_State* thread = lua_tothread(L, lua_upvalueindex(1));
  const int results = ResumeThread(L, thread, lua_gettop(L));
  if (results >= 0) return results;
  const int status = lua_status(thread);
  if (status != LUA_OK && status != LUA_YIELD) lua_resetthread(thread);
  PassLimits(L);
  return lua_error(L);
}

int Wrap(lua_State* L) {
  Create(L);
  lua_pushcclosure(L, ResumeWrapped, 1);
  return 1;
}

int Yield(lua_State* L) { return lua_yield(L, lua_gettop(L)); }

int Status(lua_State* L) {
  lua_pushstring(L, StatusOf(L, ThreadAt(L, 1)));
  return 1;
}

int IsYieldable(lua_State* L) {
  lua_pushboolean(L, lua_isyieldable(lua_isthread(L, 1) ? lua_tothread(L, 1) : L));
  return 1;
}

int Running(lua_State* L) {
  lua_pushboolean(L, lua_pushthread(L));
  return 2;
}

int Close(lua_State* L) {
  PassLimits(L);
  lua_State* thread = ThreadAt(L, 1);
  const std::string status = StatusOf(L, thread);
  if (status != "dead" && status != "suspended") {
    return luaL_error(L, "cannot close a %s coroutine", status.c_str());
  }
  LuaState::Of(L).Charge(L, kThreadSteps);
  if (lua_resetthread(thread) == LUA_OK) {
    lua_pushboolean(L, 1);
    return 1;
  }
  PassLimits(L);
  lua_pushboolean(L, 0);
  lua_xmove(thread, L, 1);
  return 2;
}

}  // namespace

void OpenBoundedCoroutines(lua_State* L) {
  lua_pushcfunction(L, ProtectedCall);
  lua_setglobal(L, "pcall");
  lua_pushcfunction(L, ExtendedCall);
  lua_setglobal(L, "xpcall");
  constexpr luaL_Reg kOurs[] = {
      {"create", Create},   {"resume", Resume}, {"wrap", Wrap},
      {"yield", Yield},     {"status", Status}, {"isyieldable", IsYieldable},
      {"running", Running}, {"close", Close},   {nullptr, nullptr}};
  luaL_newlib(L, kOurs);
  lua_setglobal(L, LUA_COLIBNAME);
}

}  // namespace weft
