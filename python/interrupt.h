#ifndef WEFT_PYTHON_INTERRUPT_H_
#define WEFT_PYTHON_INTERRUPT_H_

#include <atomic>

namespace weft::python {

// While it lives on the main thread, Ctrl-C sets `flag` at once, however long the node that is
// running takes; Python's own handler still sees the signal. On other threads it does nothing:
// Python handles signals on the main one alone.
class InterruptGuard {
 public:
  explicit InterruptGuard(std::atomic<bool>& flag);
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

 private:
  bool active_ = false;
  bool installed_ = false;
  std::atomic<bool>* before_ = nullptr;
};

bool IsMainThread();

}  // namespace weft::python

#endif  // WEFT_PYTHON_INTERRUPT_H_
