#include "runtime/tensor/keep_budget.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace weft {
namespace {

TEST(KeepBudget, ReservesUpToItsBytesAndNoFurther) {
  const auto budget = std::make_shared<KeepBudget>(100);
  const auto first = KeepBudget::Reserve(budget, 60);
  EXPECT_NE(first, nullptr);
  EXPECT_EQ(KeepBudget::Reserve(budget, 41), nullptr);
  const auto second = KeepBudget::Reserve(budget, 40);
  EXPECT_NE(second, nullptr);
  EXPECT_EQ(KeepBudget::Reserve(budget, 1), nullptr);
  EXPECT_EQ(budget->kept(), 100u);
}

TEST(KeepBudget, TakesBackWhatIsLetGo) {
  const auto budget = std::make_shared<KeepBudget>(100);
  auto first = KeepBudget::Reserve(budget, 100);
  first = nullptr;
  EXPECT_NE(KeepBudget::Reserve(budget, 100), nullptr);
}

TEST(KeepBudget, OutlivesItsOwnerWithWhatItKeeps) {
  auto budget = std::make_shared<KeepBudget>(100);
  const std::weak_ptr<KeepBudget> seen = budget;
  auto kept = KeepBudget::Reserve(budget, 10);
  budget = nullptr;
  EXPECT_FALSE(seen.expired());
  kept = nullptr;
  EXPECT_TRUE(seen.expired());
}

TEST(KeepBudget, NeverKeepsMoreFromSeveralThreads) {
  constexpr size_t kMost = 1000;
  const auto budget = std::make_shared<KeepBudget>(kMost);
  std::vector<std::vector<std::shared_ptr<const void>>> kept(4);
  std::vector<std::thread> threads;
  for (auto& mine : kept) {
    threads.emplace_back([&budget, &mine] {
      for (int i = 0; i < 1000; ++i) {
        if (auto one = KeepBudget::Reserve(budget, 7); one != nullptr) mine.push_back(one);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  size_t count = 0;
  for (const auto& mine : kept) count += mine.size();
  EXPECT_EQ(count, kMost / 7);
}

}  // namespace
}  // namespace weft
