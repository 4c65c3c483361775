#ifndef WEFT_PYTHON_RUN_STATE_H_
#define WEFT_PYTHON_RUN_STATE_H_

#include <pybind11/pybind11.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "python/errors.h"
#include "python/interrupt.h"
#include "runtime/pipeline.h"

namespace weft::python {

// What Python wants to hear of a run; each may be None.
struct Callbacks {
  SharedPyObject on_step;      // (Step)
  SharedPyObject on_progress;  // (node, type, done, total, seconds)
  SharedPyObject on_preview;   // (node, index, Image)
};

// One run, seen from Python: its callbacks, what they raised, and whether it is to stop.
class RunState : public std::enable_shared_from_this<RunState> {
 public:
  explicit RunState(Callbacks callbacks) : callbacks_(std::move(callbacks)) {}

  // Puts the callbacks into `options`, which keep this object alive.
  void AddTo(RunOptions& options);

  // Runs `work` (it returns an absl::Status) without the interpreter's lock. What a callback
  // raised comes out unchanged, Ctrl-C as KeyboardInterrupt, an error of the run as an exception
  // whose cause is what a node written in Python raised.
  template <typename Work>
  void Run(Work work) {
    absl::Status status;
    {
      const Entered entered(*this);
      const py::gil_scoped_release unlocked;
      status = work();
    }
    Finish(status);
  }

  // Of the run that goes on in this thread, for nodes that are written in Python; or null.
  static RunState* Current();
  // Keeps what a node has raised. Gives the error for the run.
  absl::Status NodeRaised(py::error_already_set& error);
  // Stops the run; `error` comes out of it unchanged.
  absl::Status CallbackRaised(py::error_already_set& error);

  std::vector<std::string> TakeNotices();
  const std::vector<std::string>& files() const { return files_; }

 private:
  // While a run goes on in this thread.
  class Entered {
   public:
    explicit Entered(RunState& state);
    ~Entered();
    Entered(const Entered&) = delete;
    Entered& operator=(const Entered&) = delete;

   private:
    RunState* before_;
    InterruptGuard guard_;
  };

  void On(const Event& event);
  absl::Status OnRound(Round& round);
  void CheckSignals();
  void Finish(const absl::Status& status);

  Callbacks callbacks_;
  std::atomic<bool> cancelled_{false};
  SharedPyObject raised_;  // by a callback
  SharedPyObject cause_;   // raised by a node

  absl::Mutex mutex_;
  std::vector<std::string> notices_;  // each once
  std::vector<std::string> files_;
  Value preview_;  // the latest picture since the last round; null: none
};

}  // namespace weft::python

#endif  // WEFT_PYTHON_RUN_STATE_H_
