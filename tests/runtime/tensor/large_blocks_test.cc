#include "runtime/tensor/large_blocks.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

namespace weft {
namespace {

TEST(LargeBlocks, CanBeWrittenToTheirEnd) {
  for (const size_t bytes : {kLargeBlock, kLargeBlock + 1, size_t{3'000'001}, size_t{100} << 20}) {
    void* block = TakeLargeBlock(bytes);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % 64, 0u);
    std::memset(block, 1, bytes);
    GiveLargeBlock(block, bytes);
  }
}

TEST(LargeBlocks, AreUsedAgainForTheSameSize) {
  DropFreeBlocks();
  constexpr size_t kBytes = 5 << 20;
  void* first = TakeLargeBlock(kBytes);
  static_cast<char*>(first)[0] = 7;
  GiveLargeBlock(first, kBytes);
  void* second = TakeLargeBlock(kBytes);
  EXPECT_EQ(second, first);
  EXPECT_EQ(static_cast<char*>(second)[0], 7);
  GiveLargeBlock(second, kBytes);
}

TEST(LargeBlocks, AreNotHeldWithoutLimit) {
  DropFreeBlocks();
  constexpr size_t kBytes = 10 << 20;
  std::vector<void*> blocks;
  for (int i = 0; i < 20; ++i) {
    blocks.push_back(TakeLargeBlock(kBytes));
    std::memset(blocks.back(), 1, kBytes);
  }
  for (void* block : blocks) GiveLargeBlock(block, kBytes);
  int held = 0;
  for (void*& block : blocks) {
    block = TakeLargeBlock(kBytes);
    held += static_cast<char*>(block)[0] == 1 ? 1 : 0;  // memory of the system's is zero
  }
  EXPECT_GT(held, 0);
  EXPECT_LE(held, 3);
  for (void* block : blocks) GiveLargeBlock(block, kBytes);
  DropFreeBlocks();
}

// What is held never makes the process larger than it was, and a block that could not be had did
// not make it larger.
TEST(LargeBlocks, AreHeldNoLongerAfterOneThatIsTooLarge) {
  DropFreeBlocks();
  EXPECT_EQ(TakeLargeBlock(size_t{1} << 62), nullptr);
  // More than other tests take; it is never touched.
  constexpr size_t kMost = size_t{320} << 20, kSmall = size_t{10} << 20, kNext = size_t{20} << 20;
  void* most = TakeLargeBlock(kMost);
  void* small = TakeLargeBlock(kSmall);
  ASSERT_NE(most, nullptr);
  ASSERT_NE(small, nullptr);
  std::memset(small, 1, kSmall);
  GiveLargeBlock(small, kSmall);
  void* next = TakeLargeBlock(kNext);  // as much as ever was in use, and 10 MB that are free
  ASSERT_NE(next, nullptr);
  small = TakeLargeBlock(kSmall);
  ASSERT_NE(small, nullptr);
  EXPECT_EQ(static_cast<char*>(small)[0], 0) << "the free block was still held";
  GiveLargeBlock(small, kSmall);
  GiveLargeBlock(next, kNext);
  GiveLargeBlock(most, kMost);
  DropFreeBlocks();
}

TEST(LargeBlocks, AreNeverGivenToTwoThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 200; ++i) {
        const size_t bytes = kLargeBlock + static_cast<size_t>(i % 3) * kLargeBlock;
        auto* block = static_cast<unsigned char*>(TakeLargeBlock(bytes));
        std::memset(block, t + 1, bytes);
        for (size_t at = 0; at < bytes; at += 4096) ASSERT_EQ(block[at], t + 1);
        GiveLargeBlock(block, bytes);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace weft
