#ifndef WEFT_LUA_STATE_H_
#define WEFT_LUA_STATE_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <lua.hpp>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/graph/problem.h"

namespace weft {

// What a script from somebody else may use. Whatever it does, it ends soon after one of them.
struct ScriptLimits {
  int64_t instructions = 50'000'000;  // of the interpreter, and the work of library functions
  double seconds = 30;
  size_t memory = size_t{64} << 20;              // bytes of Lua values
  size_t string = size_t{4} << 20;               // bytes of one string
  size_t tensors = size_t{1} << 30;              // bytes of the tensors it holds
  const std::atomic<bool>* cancelled = nullptr;  // ends it too
};

// One Lua interpreter. A sandboxed one has no way to files, processes, the environment, bytecode or
// the interpreter's insides, and stops at its limits; a trusted one has the usual libraries. Lua is
// built as C++: errors unwind through C++ frames.
class LuaState {
 public:
  static absl::StatusOr<std::unique_ptr<LuaState>> Sandboxed(const ScriptLimits& limits);
  // `cancelled`: set it to stop a script at its next instruction; may be null.
  static absl::StatusOr<std::unique_ptr<LuaState>> Trusted(const std::atomic<bool>* cancelled);
  ~LuaState();
  LuaState(const LuaState&) = delete;
  LuaState& operator=(const LuaState&) = delete;

  // The state that owns `L`, a thread of it.
  static LuaState& Of(lua_State* L) { return **static_cast<LuaState**>(lua_getextraspace(L)); }
  lua_State* lua() const { return lua_; }
  bool sandboxed() const { return sandboxed_; }
  const ScriptLimits& limits() const { return limits_; }

  // Calls `body` with an empty stack of its own. What Lua or C++ raise inside comes back as a
  // status: problems with file and line where they are known.
  absl::Status Protected(absl::FunctionRef<void(lua_State*)> body);
  // Compiles `text` and leaves the function on the stack of `L`; raises errors. `name` is as Lua
  // wants it: "@path" or "=name".
  void Load(lua_State* L, absl::string_view text, const std::string& name);

  // Counts work that the interpreter does not see. Raises the error of a limit that is reached.
  void Charge(lua_State* L, int64_t steps);
  // Whether a limit has been reached: from then on the script can only end.
  bool exhausted() const { return !exhausted_.empty(); }
  [[noreturn]] void RaiseExhausted(lua_State* L);
  // Steps that are left before Charge raises.
  int64_t steps_left() const;
  absl::Status StringTooLong() const;

  // Memory that Lua's collector does not see: it runs when much of it has been made. Raises an
  // error where a sandboxed script holds too much.
  void AddTensorBytes(lua_State* L, size_t bytes);
  void RemoveTensorBytes(size_t bytes) { tensor_bytes_ -= bytes; }

  // Raises `status` as a Lua error whose text names the place in the script. Where it reaches
  // Protected unchanged, that gives the same status back, problems and all.
  [[noreturn]] void Raise(lua_State* L, const absl::Status& status);

  // Where `print` of a sandboxed script goes; nowhere if it is empty.
  std::function<void(const std::string&)> print;
  // What the library functions of a door work on; borrowed.
  void* door = nullptr;

 private:
  LuaState(bool sandboxed, const ScriptLimits& limits);
  static void* Allocate(void* self, void* block, size_t old_size, size_t new_size);
  static void Hook(lua_State* L, lua_Debug* at);
  void Check(lua_State* L);
  absl::Status ToStatus(lua_State* L, int code);
  std::string MemoryMessage() const;

  const bool sandboxed_;
  const ScriptLimits limits_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  lua_State* lua_ = nullptr;
  int64_t used_ = 0;
  std::string exhausted_;  // why, once a limit has been reached
  bool was_cancelled_ = false;
  size_t memory_ = 0;
  bool string_too_long_ = false;  // why memory was refused the last time
  std::string refused_at_;        // and where
  size_t tensor_bytes_ = 0;
  size_t collect_at_ = size_t{64} << 20;
  absl::Status last_raised_;
};

// "file.lua", 12: the Lua code that is running, or "" where there is none.
struct LuaPlace {
  std::string file;
  int line = 0;
};
LuaPlace PlaceOf(lua_State* L);

// "file.lua:12: what went wrong", as Lua words its errors, as a problem with a place.
Problem SplitPlace(const std::string& text);

}  // namespace weft

#endif  // WEFT_LUA_STATE_H_
