#include "runtime/exec/light_worker.h"

#include <utility>

namespace weft {
namespace {

constexpr size_t kQueueLimit = 4;

}  // namespace

LightWorker::~LightWorker() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
    queue_.clear();
  }
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<LightWorker::Task> LightWorker::Submit(
    std::function<absl::Status(absl::btree_map<std::string, Value>&)> run) {
  auto task = std::make_shared<Task>();
  task->run = std::move(run);
  if (!thread_.joinable()) thread_ = std::thread([this] { Loop(); });
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(
      +[](std::deque<std::shared_ptr<Task>>* queue) { return queue->size() < kQueueLimit; },
      &queue_));
  queue_.push_back(task);
  return task;
}

void LightWorker::Wait(const Task& task) {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&task.done));
}

absl::Status LightWorker::Drain() {
  absl::MutexLock lock(&mutex_);
  const auto idle = [this]()
                        ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return queue_.empty() && !busy_; };
  mutex_.Await(absl::Condition(&idle));
  return first_error_;
}

void LightWorker::Loop() {
  while (true) {
    std::shared_ptr<Task> task;
    {
      absl::MutexLock lock(&mutex_);
      const auto work = [this]()
                            ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stop_ || !queue_.empty(); };
      mutex_.Await(absl::Condition(&work));
      if (stop_) return;
      task = std::move(queue_.front());
      queue_.pop_front();
      busy_ = true;
    }
    absl::Status status = task->run(task->outputs);
    task->run = nullptr;  // lets go of the inputs
    absl::MutexLock lock(&mutex_);
    task->status = status;
    if (first_error_.ok()) first_error_ = std::move(status);
    task->done = true;
    busy_ = false;
  }
}

}  // namespace weft
