#include "runtime/tensor/large_blocks.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <deque>
#include <mutex>

namespace weft {
namespace {

// Free memory that is held: some activations of a UNet's step, which come again at once.
constexpr size_t kMostHeld = size_t{32} << 20;
// How far what is held may make the process larger than its blocks in use have made it: some
// activations of a text encoder, whose sizes differ.
constexpr size_t kSlack = size_t{6} << 20;

// Eight sizes between a power of two and the next: blocks of one size can stand for each other.
// What of a block is not touched takes no memory.
size_t Rounded(size_t bytes) {
  const size_t step = std::max(std::bit_floor(bytes) / 8, size_t{1});
  return (bytes + step - 1) / step * step;
}

// Asks for large pages: the system then clears and maps 512 at once. With small ones that was a
// third of the processor's time in packing a model.
void AskForLargePages(void* block, size_t bytes) {
  constexpr uintptr_t kPage = uintptr_t{2} << 20;
  constexpr size_t kMany = 2;
  const auto data = reinterpret_cast<uintptr_t>(block);
  const uintptr_t begin = (data + kPage - 1) / kPage * kPage;
  const uintptr_t end = (data + bytes) / kPage * kPage;
  if (end < begin + kMany * kPage) return;
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // no more than a wish
}

struct FreeBlock {
  void* block;
  size_t size;
};

struct Held {
  std::mutex mutex;
  std::deque<FreeBlock> blocks;  // the latest last
  size_t bytes = 0;
  size_t in_use = 0;  // of blocks that were taken
  size_t most_in_use = 0;

  void DropOldestInto(std::deque<FreeBlock>& dropped, size_t most) {
    while (bytes > 0 && (bytes > kMostHeld || bytes + in_use > most + kSlack)) {
      dropped.push_back(blocks.front());
      bytes -= blocks.front().size;
      blocks.pop_front();
    }
  }
};

void Unmap(const std::deque<FreeBlock>& blocks) {
  for (const FreeBlock& each : blocks) munmap(each.block, each.size);
}

Held& TheHeld() {
  static auto* held = new Held;  // buffers may outlive static objects
  return *held;
}

}  // namespace

void* TakeLargeBlock(size_t bytes) {
  const size_t size = Rounded(bytes);
  std::deque<FreeBlock> dropped;
  {
    Held& held = TheHeld();
    const std::lock_guard<std::mutex> lock(held.mutex);
    held.in_use += size;
    // The latest is the likeliest to be in a cache.
    for (auto it = held.blocks.rbegin(); it != held.blocks.rend(); ++it) {
      if (it->size != size) continue;
      void* block = it->block;
      held.bytes -= size;
      held.blocks.erase(std::next(it).base());
      return block;
    }
    held.DropOldestInto(dropped, std::max(held.most_in_use, held.in_use));
  }
  Unmap(dropped);
  void* block = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  {
    Held& held = TheHeld();
    const std::lock_guard<std::mutex> lock(held.mutex);
    if (block == MAP_FAILED) {  // a size that nobody has is none that was in use
      held.in_use -= size;
      return nullptr;
    }
    held.most_in_use = std::max(held.most_in_use, held.in_use);
  }
  AskForLargePages(block, bytes);
  return block;
}

void GiveLargeBlock(void* block, size_t bytes) {
  const size_t size = Rounded(bytes);
  std::deque<FreeBlock> dropped;
  {
    Held& held = TheHeld();
    const std::lock_guard<std::mutex> lock(held.mutex);
    held.in_use -= size;
    held.blocks.push_back({block, size});
    held.bytes += size;
    held.DropOldestInto(dropped, held.most_in_use);
  }
  Unmap(dropped);
}

void DropFreeBlocks() {
  std::deque<FreeBlock> dropped;
  {
    Held& held = TheHeld();
    const std::lock_guard<std::mutex> lock(held.mutex);
    dropped.swap(held.blocks);
    held.bytes = 0;
  }
  Unmap(dropped);
}

}  // namespace weft
