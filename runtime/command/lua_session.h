#ifndef WEFT_RUNTIME_COMMAND_LUA_SESSION_H_
#define WEFT_RUNTIME_COMMAND_LUA_SESSION_H_

#include <atomic>

#include "lua/program.h"

namespace weft {

// Reads Lua line by line and runs it: on a terminal with history and completion, from a pipe
// without a prompt. Gives the exit code.
int RunLuaSession(LuaProgram& program, std::atomic<bool>& interrupted);

}  // namespace weft

#endif  // WEFT_RUNTIME_COMMAND_LUA_SESSION_H_
