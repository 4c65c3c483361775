#include "runtime/ops/packed_slot.h"

#include <gtest/gtest.h>

#include "runtime/backend/cpu/cpu_backend.h"
#include "runtime/backend/meta/meta_backend.h"

namespace weft {
namespace {

struct Filled : Packed {
  Tensor memory;
};

// A slot whose weights take a megabyte, and how often they have been packed.
class PackedSlots : public testing::Test {
 protected:
  static constexpr int64_t kBytes = 1 << 20;
  static constexpr size_t kReading = 1 << 19;

  std::shared_ptr<const Packed> Use(const PackedSlot& slot, const Backend& backend,
                                    const Allocator& allocator,
                                    std::shared_ptr<KeepBudget> keep = nullptr) {
    auto packed = slot.GetOrPack(
        {backend, DType::kF32, allocator, std::move(keep), /*scratch_bytes=*/kReading,
         /*least_bytes=*/kBytes},
        [this](const Allocator& own, bool once) -> absl::StatusOr<std::shared_ptr<const Packed>> {
          ++packings_;
          if (once) ++for_one_use_;
          const Tensor scratch = *Tensor::Allocate(own, DType::kU8, Shape{3 * kBytes});
          auto made = std::make_shared<Filled>();
          made->memory = *Tensor::Allocate(own, DType::kU8, Shape{kBytes});
          return made;
        });
    EXPECT_TRUE(packed.ok()) << packed.status();
    return *packed;
  }
  void Use(const PackedSlot& slot, std::shared_ptr<KeepBudget> keep) {
    Use(slot, *cpu_, allocator_, std::move(keep));
  }

  int packings_ = 0;
  int for_one_use_ = 0;
  std::unique_ptr<Backend> cpu_ = MakeCpuBackend();
  std::unique_ptr<Backend> meta_ = MakeMetaBackend();
  Allocator allocator_{Device::kCpu};
};

TEST_F(PackedSlots, ArePackedOnceWithoutABudget) {
  const PackedSlot slot;
  Use(slot, nullptr);
  Use(slot, nullptr);
  EXPECT_EQ(packings_, 1);
  EXPECT_GE(allocator_.meter()->live(), size_t{kBytes});
  EXPECT_GE(allocator_.meter()->peak(), size_t{4 * kBytes});  // with what packing took meanwhile
}

TEST_F(PackedSlots, ArePackedForEachUseWhereNothingIsKept) {
  const PackedSlot slot;
  const auto nothing = std::make_shared<KeepBudget>(0);
  {
    const auto packed = Use(slot, *cpu_, allocator_, nothing);
    EXPECT_GE(allocator_.meter()->live(), size_t{kBytes});
  }
  EXPECT_LT(allocator_.meter()->live(), size_t{kBytes} / 4);  // generated code stays
  Use(slot, nothing);
  EXPECT_EQ(packings_, 2);
  EXPECT_EQ(nothing->kept(), 0u);
  EXPECT_GE(nothing->streamed(), size_t{2 * kBytes});
}

TEST_F(PackedSlots, ArePackedForOneUseWhereTheyCannotBeKept) {
  const auto room_for_one = std::make_shared<KeepBudget>(kBytes + kBytes / 2);
  const PackedSlot kept, streamed;
  Use(kept, room_for_one);
  EXPECT_EQ(for_one_use_, 0);
  const size_t before = allocator_.meter()->live();
  {
    const auto packed = Use(streamed, *cpu_, allocator_, room_for_one);
    EXPECT_EQ(for_one_use_, 1);
    EXPECT_GE(allocator_.meter()->live(), before + kReading + kBytes);  // the use may read
  }
  EXPECT_LT(allocator_.meter()->live(), before + kReading);
}

TEST_F(PackedSlots, AreKeptFirstComeFirstKept) {
  const std::vector<PackedSlot> layers = {PackedSlot(), PackedSlot(), PackedSlot()};
  const auto room_for_two = std::make_shared<KeepBudget>(2 * kBytes + kBytes / 2);
  for (int round = 0; round < 3; ++round) {
    for (const PackedSlot& layer : layers) Use(layer, room_for_two);
  }
  EXPECT_EQ(packings_, 2 + 3);  // the third layer in each round
  EXPECT_LE(room_for_two->kept(), room_for_two->most());
}

TEST_F(PackedSlots, GiveTheirRoomToOthersWhenTheyGo) {
  const auto room_for_one = std::make_shared<KeepBudget>(kBytes + kBytes / 2);
  {
    const PackedSlot slot;
    Use(slot, room_for_one);
  }
  const PackedSlot next;
  Use(next, room_for_one);
  Use(next, room_for_one);
  EXPECT_EQ(packings_, 2);
}

TEST_F(PackedSlots, LetGoOfWhatARunWithoutABudgetHasLeft) {
  const PackedSlot slot;
  Use(slot, nullptr);
  const auto nothing = std::make_shared<KeepBudget>(0);
  Use(slot, nothing);
  EXPECT_EQ(packings_, 1);                                    // used once more
  EXPECT_LT(allocator_.meter()->live(), size_t{kBytes} / 4);  // generated code stays
  Use(slot, nothing);
  EXPECT_EQ(packings_, 2);
}

TEST_F(PackedSlots, CountWhatARunWithoutABudgetHasLeft) {
  const PackedSlot slot;
  Use(slot, nullptr);
  const auto enough = std::make_shared<KeepBudget>(10 * kBytes);
  Use(slot, enough);
  Use(slot, enough);
  EXPECT_EQ(packings_, 1);
  EXPECT_GE(enough->kept(), size_t{kBytes});
  EXPECT_LT(enough->kept(), size_t{2 * kBytes});
}

TEST_F(PackedSlots, TellADryRunWhatIsReady) {
  const PackedSlot slot;
  Use(slot, nullptr);
  const Allocator dry(Device::kMeta);
  const auto enough = std::make_shared<KeepBudget>(10 * kBytes);
  Use(slot, *meta_, dry, enough);
  Use(slot, *meta_, dry, enough);
  EXPECT_GE(enough->ready(), size_t{kBytes});
  EXPECT_LT(enough->ready(), size_t{2 * kBytes});
}

}  // namespace
}  // namespace weft
