// Runs all tests of this program as an older processor would: WEFT_TEST_INSTRUCTIONS=avx2 or plain.
#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"

namespace weft {
namespace {

class OlderProcessor : public testing::Environment {
  void SetUp() override {
    const char* set = std::getenv("WEFT_TEST_INSTRUCTIONS");
    if (set == nullptr || *set == 0) return;
    constexpr int64_t kFallback = int64_t{1} << 61;  // plain C++
    const bool avx2 = absl::string_view(set) == "avx2";
    hwy::SetSupportedTargetsForTest(avx2 ? HWY_AVX2 | kFallback : kFallback);
    hwy::GetChosenTarget().DeInit();
  }
};

[[maybe_unused]] const auto* const kOlder = testing::AddGlobalTestEnvironment(new OlderProcessor);

}  // namespace
}  // namespace weft
