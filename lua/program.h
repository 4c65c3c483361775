#ifndef WEFT_LUA_PROGRAM_H_
#define WEFT_LUA_PROGRAM_H_

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lua/door.h"
#include "lua/state.h"
#include "nodes/weft_runtime.h"

namespace weft {

// A trusted interpreter with the table `weft`, for one's own scripts.
class LuaProgram {
 public:
  // `weft` is borrowed. `cancelled`: set it to stop scripts and runs; may be null.
  static absl::StatusOr<std::unique_ptr<LuaProgram>> Make(const WeftRuntime& weft,
                                                          const std::atomic<bool>* cancelled);

  // Runs a file with `arguments` as `arg` and `...`. Composites are looked for beside it.
  absl::Status RunFile(const std::string& path, const std::vector<std::string>& arguments);
  absl::Status RunText(absl::string_view text, const std::string& name);

  // For a session line by line.
  enum class Line { kDone, kFailed, kUnfinished };
  // Runs what has been typed, and prints the values that it gives. kUnfinished: more lines are
  // needed to make sense of it.
  Line RunTyped(const std::string& text, std::string& error);

  RunOptions& defaults() { return door_.defaults; }
  lua_State* lua() const { return state_->lua(); }
  Door& door() { return door_; }

 private:
  explicit LuaProgram(const WeftRuntime& weft) : door_(weft.runtime(), ".") {}

  Door door_;
  std::unique_ptr<LuaState> state_;
};

}  // namespace weft

#endif  // WEFT_LUA_PROGRAM_H_
