#include "tests/fuzz/allocations.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace weft {
namespace {

std::atomic<long long> live{0};
std::atomic<long long> most{0};

void* Counted(void* memory) {
  if (memory == nullptr) return nullptr;
  const long long now = live += static_cast<long long>(malloc_usable_size(memory));
  long long before = most;
  while (now > before && !most.compare_exchange_weak(before, now)) {
  }
  return memory;
}

void Release(void* memory) {
  if (memory != nullptr) live -= static_cast<long long>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

// Memory of aligned_alloc is freed by free(), which is not counted: a block counts until the next
// StartCounting.
void StartCounting() {
  live = 0;
  most = 0;
}
size_t MostAllocated() { return static_cast<size_t>(most.load()); }

}  // namespace weft

// The linker's --wrap leads calls of aligned_alloc here.
extern "C" void* __real_aligned_alloc(size_t alignment, size_t size);   // NOLINT
extern "C" void* __wrap_aligned_alloc(size_t alignment, size_t size) {  // NOLINT
  return weft::Counted(__real_aligned_alloc(alignment, size));
}

void* operator new(size_t size) {
  void* memory = weft::Counted(std::malloc(size == 0 ? 1 : size));
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new[](size_t size) { return operator new(size); }
void operator delete(void* memory) noexcept { weft::Release(memory); }
void operator delete[](void* memory) noexcept { weft::Release(memory); }
void operator delete(void* memory, size_t) noexcept { weft::Release(memory); }
void operator delete[](void* memory, size_t) noexcept { weft::Release(memory); }
