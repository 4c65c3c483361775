#ifndef WEFT_RUNTIME_EXEC_LIGHT_WORKER_H_
#define WEFT_RUNTIME_EXEC_LIGHT_WORKER_H_

#include <deque>
#include <functional>
#include <memory>
#include <thread>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "runtime/graph/value.h"

namespace weft {

// The one thread that reads, writes and encodes beside the heavy nodes. Tasks run in the order in
// which they came, so a task may use what an earlier one made. The thread starts with the first
// task. A full queue makes the sender wait, so that pictures do not pile up.
class LightWorker {
 public:
  struct Task {
    std::function<absl::Status(absl::btree_map<std::string, Value>&)> run;
    absl::btree_map<std::string, Value> outputs;
    absl::Status status;
    bool done = false;
  };

  LightWorker() = default;
  ~LightWorker();
  LightWorker(const LightWorker&) = delete;
  LightWorker& operator=(const LightWorker&) = delete;

  std::shared_ptr<Task> Submit(
      std::function<absl::Status(absl::btree_map<std::string, Value>&)> run);
  // Returns when the task is done.
  void Wait(const Task& task);
  // Waits for all tasks; the first error of any.
  absl::Status Drain();

 private:
  void Loop();

  absl::Mutex mutex_;
  std::deque<std::shared_ptr<Task>> queue_ ABSL_GUARDED_BY(mutex_);
  absl::Status first_error_ ABSL_GUARDED_BY(mutex_);
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_EXEC_LIGHT_WORKER_H_
