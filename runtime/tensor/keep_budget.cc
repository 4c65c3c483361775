#include "runtime/tensor/keep_budget.h"

namespace weft {

std::shared_ptr<const void> KeepBudget::Reserve(const std::shared_ptr<KeepBudget>& budget,
                                                size_t bytes) {
  size_t reserved = budget->reserved_.load(std::memory_order_relaxed);
  do {
    if (bytes > budget->most_ - reserved) return nullptr;
  } while (!budget->reserved_.compare_exchange_weak(reserved, reserved + bytes,
                                                    std::memory_order_relaxed));
  budget->kept_.fetch_add(bytes, std::memory_order_relaxed);
  return std::shared_ptr<const void>(budget.get(), [budget, bytes](const void*) {
    budget->reserved_.fetch_sub(bytes, std::memory_order_relaxed);
  });
}

}  // namespace weft
