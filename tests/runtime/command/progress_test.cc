#include "runtime/command/progress.h"

#include <gtest/gtest.h>

#include "runtime/command/seconds_text.h"
#include "runtime/exec/process_memory.h"

namespace weft {
namespace {

TEST(BarText, ShowsStepTimeAndWhatIsLeft) {
  EXPECT_EQ(
      BarText("loop", {.done = 5, .total = 20, .seconds_a_round = 0.25, .seconds_left = 3.75}, 200),
      "loop [#####...............] 5/20  0.2 s a step, 3.8 s left");
}

TEST(BarText, FitsTheTerminal) {
  EXPECT_EQ(BarText("loop", {.done = 5, .total = 20}, 10).size(), 10U);
}

TEST(BarText, CountsWhereTheEndIsNotKnown) {
  EXPECT_EQ(BarText("loop", {.done = 5, .seconds_a_round = 2}, 80), "loop 5  2.0 s a step");
}

TEST(SecondsText, ChoosesItsUnit) {
  EXPECT_EQ(SecondsText(0.0124), "12 ms");
  EXPECT_EQ(SecondsText(59.6), "60 s");
  EXPECT_EQ(SecondsText(200), "3 min 20 s");
}

TEST(BytesText, ChoosesItsUnit) {
  EXPECT_EQ(BytesText(999), "999 B");
  EXPECT_EQ(BytesText(12'340'000), "12.3 MB");
  EXPECT_EQ(BytesText(2'500'000'000), "2.50 GB");
}

TEST(ResidentBytes, IsNeverMoreThanThePeak) {
  constexpr size_t kBatch = 1 << 20;  // the kernel brings its two counters up to date in batches
  EXPECT_LE(ResidentBytes(), PeakResidentBytes() + kBatch);
}

}  // namespace
}  // namespace weft
