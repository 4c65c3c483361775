#include "tests/fuzz/allocations.h"

#include <malloc.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace weft {
namespace {

std::atomic<long long> live{0};
std::atomic<long long> most{0};

void Count(size_t bytes) {
  const long long now = live += static_cast<long long>(bytes);
  long long before = most;
  while (now > before && !most.compare_exchange_weak(before, now)) {
  }
}

void* Counted(void* memory) {
  if (memory != nullptr) Count(malloc_usable_size(memory));
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
// And those of mmap, by which large buffers come. They too count until the next StartCounting;
// files that are mapped do not count.
extern "C" void* __real_mmap(void* at, size_t size, int protection, int flags, int file,  // NOLINT
                             off_t offset);
extern "C" void* __wrap_mmap(void* at, size_t size, int protection, int flags, int file,  // NOLINT
                             off_t offset) {
  void* memory = __real_mmap(at, size, protection, flags, file, offset);
  if (memory != MAP_FAILED && (flags & MAP_ANONYMOUS) != 0) weft::Count(size);
  return memory;
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
