#ifndef WEFT_RUNTIME_TENSOR_KEEP_BUDGET_H_
#define WEFT_RUNTIME_TENSOR_KEEP_BUDGET_H_

#include <atomic>
#include <cstddef>
#include <memory>

namespace weft {

// How many bytes of what could be made again (packed weights) a run may keep. First come, first
// kept, and what is kept stays while its owner lives: a rule that replaced the oldest would, in a
// loop over layers that do not all fit, always have dropped what is needed next. Safe from several
// threads.
class KeepBudget {
 public:
  explicit KeepBudget(size_t most) : most_(most) {}

  // Counts `bytes` as kept until what this returns is dropped; null where they do not fit.
  static std::shared_ptr<const void> Reserve(const std::shared_ptr<KeepBudget>& budget,
                                             size_t bytes);
  // Whether so many bytes would fit now.
  bool HasRoom(size_t bytes) const {
    return bytes <= most_ - reserved_.load(std::memory_order_relaxed);
  }
  // What did not fit was made for one use.
  void NoteStreamed(size_t bytes) { streamed_.fetch_add(bytes, std::memory_order_relaxed); }
  // A dry run met what an earlier run has kept: making it would take nothing.
  void NoteReady(size_t bytes) { ready_.fetch_add(bytes, std::memory_order_relaxed); }

  size_t most() const { return most_; }
  size_t kept() const { return kept_.load(std::memory_order_relaxed); }  // ever, returned or not
  size_t streamed() const { return streamed_.load(std::memory_order_relaxed); }
  size_t ready() const { return ready_.load(std::memory_order_relaxed); }

 private:
  const size_t most_;
  std::atomic<size_t> reserved_{0};
  std::atomic<size_t> kept_{0};
  std::atomic<size_t> streamed_{0};
  std::atomic<size_t> ready_{0};
};

}  // namespace weft

#endif  // WEFT_RUNTIME_TENSOR_KEEP_BUDGET_H_
