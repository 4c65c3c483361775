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

TEST(LargeBlocks, AreCutFromLargerOnesAndGrowTogetherAgain) {
  DropFreeBlocks();
  constexpr size_t kWhole = 12 << 20;
  auto* whole = static_cast<char*>(TakeLargeBlock(kWhole));
  whole[0] = 1;
  GiveLargeBlock(whole, kWhole);
  const std::vector<size_t> sizes = {(3 << 20) + 1, 5 << 20, 2 << 20};
  std::vector<char*> parts;
  for (const size_t size : sizes) {
    parts.push_back(static_cast<char*>(TakeLargeBlock(size)));
    std::memset(parts.back(), static_cast<int>(parts.size()), size);
    EXPECT_GE(parts.back(), whole) << size;
    EXPECT_LE(parts.back() + size, whole + kWhole) << size;
  }
  for (size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_EQ(parts[i][0], static_cast<char>(i + 1)) << "overlaps with another";
    EXPECT_EQ(parts[i][sizes[i] - 1], static_cast<char>(i + 1)) << "overlaps with another";
  }
  // Given back in an order that joins a neighbour before, after, and both.
  for (const size_t i : {1, 0, 2}) GiveLargeBlock(parts[i], sizes[i]);
  auto* again = static_cast<char*>(TakeLargeBlock(kWhole));
  EXPECT_EQ(again, whole);
  EXPECT_EQ(again[0], 1);
  GiveLargeBlock(again, kWhole);
}

TEST(LargeBlocks, AreCutFromTheSmallestThatIsLargeEnough) {
  DropFreeBlocks();
  // One after the other from one piece, so that small blocks keep the large ones apart.
  GiveLargeBlock(TakeLargeBlock(36 << 20), 36 << 20);
  const std::vector<size_t> sizes = {20 << 20, 1 << 20, 4 << 20, 1 << 20, 10 << 20};
  std::vector<void*> blocks;
  for (const size_t size : sizes) blocks.push_back(TakeLargeBlock(size));
  for (const size_t i : {0, 2, 4}) GiveLargeBlock(blocks[i], sizes[i]);
  void* block = TakeLargeBlock(3 << 20);
  EXPECT_EQ(block, blocks[2]);
  GiveLargeBlock(block, 3 << 20);
  for (const size_t i : {1, 3}) GiveLargeBlock(blocks[i], sizes[i]);
}

TEST(LargeBlocks, AreNotHeldWithoutLimit) {
  DropFreeBlocks();
  constexpr size_t kBytes = 10 << 20;
  std::vector<void*> blocks;
  for (int i = 0; i < 40; ++i) {
    blocks.push_back(TakeLargeBlock(kBytes));
    static_cast<char*>(blocks.back())[0] = 1;
  }
  for (void* block : blocks) GiveLargeBlock(block, kBytes);
  int held = 0;
  for (void*& block : blocks) {
    block = TakeLargeBlock(kBytes);
    held += static_cast<char*>(block)[0] == 1 ? 1 : 0;  // memory of the system's is zero
  }
  EXPECT_GT(held, 0);
  EXPECT_LE(held, 25) << "256 MB at most";
  for (void* block : blocks) GiveLargeBlock(block, kBytes);
  DropFreeBlocks();
}

TEST(LargeBlocks, ThatAreHeldMakeTheProcessHardlyLargerThanItHasBeen) {
  DropFreeBlocks();
  // As much as was ever in use, by blocks that no piece of what is free can serve.
  constexpr size_t kHalf = 300 << 20;
  void* first = TakeLargeBlock(2 * kHalf);  // more than the tests before this one had
  GiveLargeBlock(first, 2 * kHalf);
  std::vector<void*> small;
  constexpr size_t kSmall = 10 << 20;
  for (int i = 0; i < 20; ++i) {
    small.push_back(TakeLargeBlock(kSmall));
    static_cast<char*>(small.back())[0] = 1;
  }
  for (void* block : small) GiveLargeBlock(block, kSmall);
  void* large = TakeLargeBlock(2 * kHalf - kSmall);  // leaves room for one small block and 6 MB
  int held = 0;
  for (void*& block : small) {
    block = TakeLargeBlock(kSmall);
    held += static_cast<char*>(block)[0] == 1 ? 1 : 0;
  }
  EXPECT_LE(held, 2);
  GiveLargeBlock(large, 2 * kHalf - kSmall);
  for (void* block : small) GiveLargeBlock(block, kSmall);
  DropFreeBlocks();
}

// What is held never makes the process larger than it was, and a block that could not be had did
// not make it larger.
TEST(LargeBlocks, AreHeldNoLongerAfterOneThatIsTooLarge) {
  DropFreeBlocks();
  EXPECT_EQ(TakeLargeBlock(size_t{1} << 62), nullptr);
  // More than other tests take; it is never touched.
  constexpr size_t kMost = size_t{1000} << 20, kSmall = size_t{10} << 20, kNext = size_t{20} << 20;
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
