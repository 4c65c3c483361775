#include "runtime/exec/fit_memory.h"

#include <gtest/gtest.h>

namespace weft {
namespace {

TEST(ParseMemory, ReadsUnitsOfTenAndOfTwo) {
  EXPECT_EQ(*ParseMemory("4G"), 4'000'000'000u);
  EXPECT_EQ(*ParseMemory("1.5gb"), 1'500'000'000u);
  EXPECT_EQ(*ParseMemory(" 400 M "), 400'000'000u);
  EXPECT_EQ(*ParseMemory("512MiB"), size_t{512} << 20);
  EXPECT_EQ(*ParseMemory("2Gi"), size_t{2} << 30);
  EXPECT_EQ(*ParseMemory("64k"), 64'000u);
  EXPECT_EQ(*ParseMemory("low"), kLeastMemory);
}

TEST(ParseMemory, RefusesWhatIsNoAmount) {
  for (const char* text :
       {"", "4", "G", "-1G", "0M", "nan G", "1e40G", "4T", "4G8", "4gm", "1mk", "lower"}) {
    const auto parsed = ParseMemory(text);
    EXPECT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.status().message(),
              std::string("\"") + text +
                  "\" is no amount of memory; write it as 4G, 400M, 512MiB or low");
  }
}

}  // namespace
}  // namespace weft
