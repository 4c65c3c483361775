#include "runtime/backend/profile/profiling_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "runtime/backend/cpu/cpu_backend.h"

namespace weft {
namespace {

Tensor Ones(Shape shape) {
  const std::vector<float> values(static_cast<size_t>(shape.numel()), 1.0f);
  return *Tensor::Of<float>(std::move(shape), values);
}

class ProfilingBackendTest : public testing::Test {
 protected:
  std::unique_ptr<Backend> cpu_ = MakeCpuBackend();
  ProfilingBackend profiler_{*cpu_};
  Allocator allocator_{Device::kCpu};
};

TEST_F(ProfilingBackendTest, GivesWhatTheOtherBackendGives) {
  const Tensor weight = Ones(Shape{3, 4});
  const Tensor x = Ones(Shape{1, 2, 4});
  const auto packed = profiler_.PackLinear(weight, Tensor(), false, x, DType::kF32, allocator_);
  ASSERT_TRUE(packed.ok()) << packed.status();
  const auto y = profiler_.Linear(**packed, x, {}, allocator_);
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_THAT(y->span<float>(), testing::Each(4.0f));
}

TEST_F(ProfilingBackendTest, CountsCallsOfTheSameShapeTogether) {
  const ConvSpec spec{.in_channels = 16, .out_channels = 32};
  const Tensor x = Ones(Shape{2, 8, 8, 16});
  const auto packed =
      profiler_.PackConv(spec, Ones(Shape{32, 16, 3, 3}), Tensor(), {x}, DType::kF32, allocator_);
  ASSERT_TRUE(packed.ok()) << packed.status();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(profiler_.Conv2d(**packed, {x}, {}, allocator_).ok());
  }
  const auto once = profiler_.PackConvForOneUse(spec, Ones(Shape{32, 16, 3, 3}), Tensor(), {x},
                                                DType::kF32, allocator_);
  ASSERT_TRUE(once.ok()) << once.status();
  ASSERT_TRUE(profiler_.Conv2d(**once, {x}, {}, allocator_).ok());
  const std::vector<KernelProfile> kernels = profiler_.Kernels();
  ASSERT_EQ(kernels.size(), 1u);
  EXPECT_EQ(kernels[0].kernel, "conv 3x3");
  EXPECT_EQ(kernels[0].shape, "2x8x8 16 -> 32");
  EXPECT_EQ(kernels[0].calls, 3);
  EXPECT_EQ(kernels[0].flops, 3 * 2.0 * (2 * 8 * 8 * 32) * 9 * 16);
  EXPECT_EQ(kernels[0].bytes, 3 * 4.0 * (2 * 8 * 8 * (16 + 32) + 32 * 16 * 9));
  EXPECT_GT(kernels[0].seconds, 0);
}

TEST_F(ProfilingBackendTest, NamesTheShapeOfAnAttention) {
  const Tensor rows = Ones(Shape{2, 5, 3 * 16});
  const auto columns = [&](int64_t first) {
    return Columns{.tensor = rows, .first = first, .count = 16};
  };
  ASSERT_TRUE(
      profiler_
          .Attention(columns(0), columns(16), columns(32), {.heads = 2, .scale = 1}, allocator_)
          .ok());
  const std::vector<KernelProfile> kernels = profiler_.Kernels();
  ASSERT_EQ(kernels.size(), 1u);
  EXPECT_EQ(kernels[0].shape, "2 x 2 heads of 8, 5 x 5");
  EXPECT_EQ(kernels[0].flops, 2.0 * 2 * 5 * 5 * 32);
}

TEST_F(ProfilingBackendTest, CountsTheProductsOfRowsThatAreCompared) {
  const std::vector<int32_t> from = {0, 2, 3};
  const std::vector<int32_t> among = {1, 4};
  ASSERT_TRUE(profiler_.NearestRows(Ones(Shape{2, 5, 8}), from, among, allocator_).ok());
  const std::vector<KernelProfile> kernels = profiler_.Kernels();
  ASSERT_EQ(kernels.size(), 1u);
  EXPECT_EQ(kernels[0].kernel, "nearest rows");
  EXPECT_EQ(kernels[0].shape, "2x5 8, 3 among 2");
  EXPECT_EQ(kernels[0].flops, 2.0 * 2 * 8 * 3 * 2);
  EXPECT_EQ(kernels[0].bytes, 4.0 * (2 * 5 * 8 + 2 * 3 + 2 * 3));
}

TEST_F(ProfilingBackendTest, ForgetsWhatIsCleared) {
  ASSERT_TRUE(profiler_.Add(Ones(Shape{4}), Ones(Shape{4}), allocator_).ok());
  EXPECT_EQ(profiler_.Kernels().size(), 1u);
  profiler_.Clear();
  EXPECT_TRUE(profiler_.Kernels().empty());
}

TEST(Roofline, TakesTheTighterOfTheTwoLimits) {
  const Roofline roofline{.flops_per_second = 100, .bytes_per_second = 10};
  EXPECT_DOUBLE_EQ(roofline.Seconds({.flops = 200, .bytes = 5}), 2.0);
  EXPECT_DOUBLE_EQ(roofline.Seconds({.flops = 1, .bytes = 50}), 5.0);
}

}  // namespace
}  // namespace weft
