#include "runtime/tensor/tensor.h"

#include <gtest/gtest.h>

#include <numeric>
#include <thread>
#include <utility>
#include <vector>

namespace weft {
namespace {

// The count of references is read without order: under ThreadSanitizer this fails where unique()
// does not see to it that what others have read was read before.
TEST(Tensor, WhoHoldsItLastMayWriteWhatAnotherThreadHasRead) {
  std::vector<float> values(256);
  std::iota(values.begin(), values.end(), 0.0f);
  for (int round = 0; round < 50; ++round) {
    absl::StatusOr<Tensor> mine = Tensor::Of<float>({256}, values);
    ASSERT_TRUE(mine.ok()) << mine.status();
    float sum = 0;
    std::thread reader([theirs = *mine, &sum]() mutable {
      const Tensor taken = std::move(theirs);
      for (const float value : taken.span<float>()) sum += value;
    });
    while (!mine->unique()) std::this_thread::yield();
    for (size_t i = 0; i < values.size(); ++i) mine->mutable_data<float>()[i] = -1.0f;
    reader.join();
    EXPECT_EQ(sum, 255.0f * 128.0f) << "the writer did not wait for the reader";
  }
}

TEST(Tensor, IsUniqueWhereNobodyElseHoldsItsBuffer) {
  absl::StatusOr<Tensor> tensor = Tensor::Of<float>({2, 2}, {1, 2, 3, 4});
  ASSERT_TRUE(tensor.ok()) << tensor.status();
  EXPECT_TRUE(tensor->unique());
  {
    const absl::StatusOr<Tensor> row = tensor->Rows(0, 1);
    ASSERT_TRUE(row.ok()) << row.status();
    EXPECT_FALSE(tensor->unique()) << "a window on its rows holds the buffer too";
  }
  EXPECT_TRUE(tensor->unique());
  EXPECT_FALSE(Tensor().unique()) << "no tensor at all";
}

}  // namespace
}  // namespace weft
