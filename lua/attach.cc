#include "lua/attach.h"

#include "lua/graph_file.h"
#include "lua/lua_function.h"
#include "runtime/base/status_macros.h"

namespace weft {

absl::Status AttachLua(WeftRuntime& weft) {
  WEFT_RETURN_IF_ERROR(weft.registry().Add(LuaFunctionNode()));
  const Runtime& runtime = weft.runtime();
  weft.AddReader(".lua",
                 [&runtime](const std::string& path) { return LoadLuaGraph(path, runtime); });
  return absl::OkStatus();
}

}  // namespace weft
