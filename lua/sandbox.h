#ifndef WEFT_LUA_SANDBOX_H_
#define WEFT_LUA_SANDBOX_H_

#include <lua.hpp>

namespace weft {

// Opens what a sandboxed script may use: the base functions without files, code loading and the
// collector; string, table, coroutine with bounds on their work; math and utf8.
void OpenSandbox(lua_State* L);

// The parts of it. Each leaves its table as a global.
void OpenBoundedStrings(lua_State* L);
void OpenBoundedTables(lua_State* L);
void OpenBoundedCoroutines(lua_State* L);

}  // namespace weft

#endif  // WEFT_LUA_SANDBOX_H_
