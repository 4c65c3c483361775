#ifndef WEFT_LUA_RUN_OPTIONS_H_
#define WEFT_LUA_RUN_OPTIONS_H_

#include <atomic>
#include <deque>
#include <lua.hpp>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "runtime/pipeline.h"

namespace weft {

// What a script says about a run: where it writes, in which precision, and the functions that are
// to be called while it goes on. Events come from several threads, but Lua belongs to one: those of
// other threads wait until that one comes by.
class ScriptedRun {
 public:
  // `options` are the defaults; they are filled in by the table (or nil) at `index`, whose
  // functions stay there while the run goes on.
  ScriptedRun(lua_State* L, int index, RunOptions options);
  absl::Status Read();

  absl::StatusOr<RunResult> Run(const Pipeline& pipeline);
  RunOptions& options() { return options_; }

 private:
  absl::Status ReadOne(const std::string& name);
  void OnEvent(const Event& event);
  // Calls the script's functions for the events that wait.
  void Deliver();
  void DeliverOne(const Event& event);
  absl::Status OnRound(Round& round);
  bool Has(const char* function) const;
  // Calls the function on the stack below `arguments`. An error stops the run.
  void CallBack(int arguments);

  lua_State* lua_;
  int index_;
  RunOptions options_;
  const std::thread::id thread_ = std::this_thread::get_id();
  const std::atomic<bool>* outer_cancelled_ = nullptr;
  std::atomic<bool> cancelled_{false};
  absl::Status failed_;  // of a callback
  absl::Mutex mutex_;
  std::deque<Event> waiting_ ABSL_GUARDED_BY(mutex_);
};

// The metatables of what callbacks are given.
void OpenRounds(lua_State* L);

}  // namespace weft

#endif  // WEFT_LUA_RUN_OPTIONS_H_
