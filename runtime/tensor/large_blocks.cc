#include "runtime/tensor/large_blocks.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <mutex>

namespace weft {
namespace {

// Free memory that is held, until the end of a part of a graph: most activations of a decoder, and
// all of a UNet's step, come again at once.
constexpr size_t kMostHeld = size_t{256} << 20;
// How far what is held may make the process larger than its blocks in use have made it: some
// activations of a text encoder, whose sizes differ. More would save few faults: with 6 MB a text
// has 300 less.
constexpr size_t kSlack = size_t{1} << 20;

size_t Rounded(size_t bytes) {
  static const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

// Asks for large pages: the system then clears and maps 512 at once. With small ones that was a
// third of the processor's time in packing a model. (Blocks that are cut from aligned regions, so
// that they share large pages, have a third of the faults and take no less time.)
void AskForLargePages(void* block, size_t bytes) {
  constexpr uintptr_t kPage = uintptr_t{2} << 20;
  constexpr size_t kMany = 2;
  const auto data = reinterpret_cast<uintptr_t>(block);
  const uintptr_t begin = (data + kPage - 1) / kPage * kPage;
  const uintptr_t end = (data + bytes) / kPage * kPage;
  if (end < begin + kMany * kPage) return;
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // no more than a wish
}

using Pieces = std::map<std::byte*, size_t>;  // sizes by address

// Free memory. A block is cut from the smallest piece that is large enough, and becomes one piece
// with its neighbours when it comes back; so blocks of different sizes stand for each other, and
// none takes more than was asked for.
class Held {
 public:
  // Null where no piece is large enough.
  std::byte* Take(size_t size, Pieces& dropped) {
    const std::lock_guard<std::mutex> lock(mutex_);
    in_use_ += size;
    auto best = pieces_.end();
    for (auto it = pieces_.begin(); it != pieces_.end(); ++it) {
      if (it->second >= size && (best == pieces_.end() || it->second < best->second)) best = it;
    }
    std::byte* block = nullptr;
    if (best != pieces_.end()) {
      block = best->first;
      if (best->second > size) pieces_.emplace(block + size, best->second - size);
      pieces_.erase(best);
      bytes_ -= size;
      most_in_use_ = std::max(most_in_use_, in_use_);
    }
    DropInto(dropped);
    return block;
  }

  // What Take gave no block for: whether the system had one. A size that nobody has was never in
  // use.
  void Settle(size_t size, bool had) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (had) {
      most_in_use_ = std::max(most_in_use_, in_use_);
    } else {
      in_use_ -= size;
    }
  }

  void Give(std::byte* block, size_t size, Pieces& dropped) {
    const std::lock_guard<std::mutex> lock(mutex_);
    in_use_ -= size;
    bytes_ += size;
    const auto next = pieces_.lower_bound(block);
    if (next != pieces_.end() && block + size == next->first) {
      size += next->second;
      pieces_.erase(next);
    }
    const auto after = pieces_.lower_bound(block);
    if (after != pieces_.begin() && std::prev(after)->first + std::prev(after)->second == block) {
      std::prev(after)->second += size;
    } else {
      pieces_.emplace(block, size);
    }
    DropInto(dropped);
  }

  void DropAllInto(Pieces& dropped) {
    const std::lock_guard<std::mutex> lock(mutex_);
    dropped.swap(pieces_);
    bytes_ = 0;
  }

 private:
  // Down to both limits; small pieces first, they serve least.
  void DropInto(Pieces& dropped) {
    const size_t room = std::max(most_in_use_, in_use_) + kSlack - in_use_;
    const size_t most = std::min(kMostHeld, room);
    while (bytes_ > most) {
      const auto smallest =
          std::min_element(pieces_.begin(), pieces_.end(),
                           [](const auto& a, const auto& b) { return a.second < b.second; });
      const size_t size = std::min(smallest->second, bytes_ - most);
      smallest->second -= size;
      dropped.emplace(smallest->first + smallest->second, size);
      bytes_ -= size;
      if (smallest->second == 0) pieces_.erase(smallest);
    }
  }

  std::mutex mutex_;
  Pieces pieces_;
  size_t bytes_ = 0;   // of them
  size_t in_use_ = 0;  // of blocks that were taken
  size_t most_in_use_ = 0;
};

void Unmap(const Pieces& pieces) {
  for (const auto& [begin, size] : pieces) munmap(begin, size);
}

Held& TheHeld() {
  static auto* held = new Held;  // buffers may outlive static objects
  return *held;
}

}  // namespace

void* TakeLargeBlock(size_t bytes) {
  const size_t size = Rounded(bytes);
  Pieces dropped;
  std::byte* const held = TheHeld().Take(size, dropped);
  Unmap(dropped);
  if (held != nullptr) return held;
  void* block = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  TheHeld().Settle(size, block != MAP_FAILED);
  if (block == MAP_FAILED) return nullptr;
  AskForLargePages(block, size);
  return block;
}

void GiveLargeBlock(void* block, size_t bytes) {
  Pieces dropped;
  TheHeld().Give(static_cast<std::byte*>(block), Rounded(bytes), dropped);
  Unmap(dropped);
}

void DropFreeBlocks() {
  Pieces dropped;
  TheHeld().DropAllInto(dropped);
  Unmap(dropped);
}

}  // namespace weft
