// Hundreds of broken files for each reader: none may crash it, lead it past its bytes (what
// AddressSanitizer sees in the preset "asan"), or make it take memory that the file does not
// justify.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/tensor/tensor.h"
#include "tests/fuzz/allocations.h"
#include "tests/fuzz/mutation.h"
#include "tests/fuzz/parsers.h"

namespace weft {
namespace {

constexpr int kMutants = 300;

class HostileFiles : public ::testing::TestWithParam<Parser> {};

TEST_P(HostileFiles, AreRefusedOrReadButNeverHarm) {
  const Parser& parser = GetParam();
  const std::vector<std::string> seeds = parser.seeds();
  ASSERT_FALSE(seeds.empty());
  for (const std::string& seed : seeds) {
    EXPECT_TRUE(parser.read(seed)) << "a file that nothing was done to";
  }
  int refused = 0;
  for (int i = 0; i < kMutants; ++i) {
    const std::string& seed = seeds[static_cast<size_t>(i) % seeds.size()];
    const std::string file = Mutation(static_cast<uint64_t>(i)).Of(seed);
    const size_t justified = parser.justified(file);
    StartCounting();
    refused += parser.read(file) ? 0 : 1;
    EXPECT_LE(MostAllocated(), justified) << "mutant " << i << " of " << file.size() << " bytes";
  }
  EXPECT_GE(refused, kMutants / 20) << "these mutations hardly break anything";
}

INSTANTIATE_TEST_SUITE_P(EachReader, HostileFiles, ::testing::ValuesIn(Parsers()),
                         [](const auto& param) { return std::string(param.param.name); });

TEST(Allocations, AreCounted) {
  StartCounting();
  const std::string large(size_t{1} << 20, 'x');
  EXPECT_GE(MostAllocated(), large.size());
  const auto tensor = Tensor::Allocate(Allocator(Device::kCpu), DType::kU8, Shape{1 << 21});
  ASSERT_TRUE(tensor.ok()) << tensor.status();
  EXPECT_GE(MostAllocated(), size_t{3} << 20);
}

}  // namespace
}  // namespace weft
