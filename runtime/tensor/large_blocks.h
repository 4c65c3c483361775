#ifndef WEFT_RUNTIME_TENSOR_LARGE_BLOCKS_H_
#define WEFT_RUNTIME_TENSOR_LARGE_BLOCKS_H_

#include <cstddef>

namespace weft {

// Memory for large buffers, by pages of the system. malloc would keep the holes between what
// lives long (packed weights) and what does not (activations): hundreds of megabytes in a run of SD
// 1.5. Some that is free is held for the next ones, of any size, which saves clearing it anew. Safe
// from several threads.
inline constexpr size_t kLargeBlock = size_t{512} << 10;

// At least `bytes`, which are kLargeBlock or more; null where the system has no more.
void* TakeLargeBlock(size_t bytes);
// `bytes` are those it was taken with.
void GiveLargeBlock(void* block, size_t bytes);
// Gives the free blocks that are held back to the system.
void DropFreeBlocks();

}  // namespace weft

#endif  // WEFT_RUNTIME_TENSOR_LARGE_BLOCKS_H_
