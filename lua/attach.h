#ifndef WEFT_LUA_ATTACH_H_
#define WEFT_LUA_ATTACH_H_

#include "absl/status/status.h"
#include "nodes/weft_runtime.h"

namespace weft {

// Teaches a runtime Lua: graph files that end in .lua, and the node LuaFunction. `weft` must
// outlive all that it opens.
absl::Status AttachLua(WeftRuntime& weft);

}  // namespace weft

#endif  // WEFT_LUA_ATTACH_H_
