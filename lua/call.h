#ifndef WEFT_LUA_CALL_H_
#define WEFT_LUA_CALL_H_

#include <exception>
#include <lua.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "lua/state.h"

namespace weft {

// A function for Lua that gives the number of its results, or an error, which is raised here: the
// edge between the two ways of reporting. Lua's own errors pass through.
using ScriptFunction = absl::StatusOr<int> (*)(lua_State*);

template <ScriptFunction function>
int Call(lua_State* L) {
  absl::Status failed;
  try {
    absl::StatusOr<int> results = function(L);
    if (results.ok()) return *results;
    failed = results.status();
  } catch (const std::exception& error) {
    failed = absl::InternalError(error.what());
  }
  LuaState::Of(L).Raise(L, failed);
}

}  // namespace weft

#endif  // WEFT_LUA_CALL_H_
