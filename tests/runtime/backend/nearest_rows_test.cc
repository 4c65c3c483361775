#include "runtime/backend/nearest_rows.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

#include "runtime/backend/cpu/cpu_backend.h"
#include "tests/runtime/backend/reference.h"

namespace weft {
namespace {

using reference::Random;

std::vector<float> Values(const Tensor& x) {
  std::vector<float> values(static_cast<size_t>(x.numel()));
  ConvertElements(x.raw(), x.dtype(), values.data(), DType::kF32, x.numel());
  return values;
}

double CosineOf(const std::vector<float>& values, int64_t width, int64_t a, int64_t b) {
  double dot = 0, aa = 0, bb = 0;
  for (int64_t k = 0; k < width; ++k) {
    const double x = values[static_cast<size_t>(a * width + k)];
    const double y = values[static_cast<size_t>(b * width + k)];
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  return dot / std::sqrt(aa * bb);
}

class NearestRowsKernel : public testing::TestWithParam<DType> {
 protected:
  Allocator allocator_{Device::kCpu};
};

INSTANTIATE_TEST_SUITE_P(Cpu, NearestRowsKernel, testing::Values(DType::kF32, DType::kBF16),
                         [](const auto& of) { return std::string(Name(of.param)); });

TEST_P(NearestRowsKernel, FindsTheRowWithTheLargestCosine) {
  struct Case {
    int64_t batch, rows, width, every;
  };
  for (const Case& c : {Case{2, 37, 5, 4}, Case{1, 300, 40, 3}, Case{2, 9, 1, 2}}) {
    const Tensor x = Random(Shape{c.batch, c.rows, c.width}, GetParam(), 7);
    std::vector<int32_t> from, among;
    for (int32_t i = 0; i < c.rows; ++i) (i % c.every == 0 ? among : from).push_back(i);
    const auto nearest = FindNearestRows(x, from, among, allocator_);
    ASSERT_TRUE(nearest.ok()) << nearest.status();
    const std::vector<float> values = Values(x);
    const auto count = static_cast<int64_t>(from.size());
    for (int64_t i = 0; i < c.batch * count; ++i) {
      const int64_t first = i / count * c.rows;
      const int64_t row = first + from[static_cast<size_t>(i % count)];
      double best = -2;
      for (const int32_t other : among) {
        best = std::max(best, CosineOf(values, c.width, row, first + other));
      }
      const auto found = static_cast<size_t>(nearest->index.data<int32_t>()[i]);
      ASSERT_LT(found, among.size());
      EXPECT_NEAR(nearest->cosine.data<float>()[i], best, 1e-5);
      EXPECT_NEAR(CosineOf(values, c.width, row, first + among[found]), best, 1e-5);
    }
  }
}

TEST(NearestRows, TakesTheFirstOfEqualsAndNoneButThoseItIsGiven) {
  // 40 equal rows, then one that points away from all of them.
  std::vector<float> values(40 * 2, 1.0f);
  values.insert(values.end(), {-1.0f, -1.0f});
  const Tensor x = *Tensor::Of<float>(Shape{1, 41, 2}, values);
  std::vector<int32_t> among(35);
  std::iota(among.begin(), among.end(), 3);
  const std::vector<int32_t> from = {0, 40};
  const auto nearest = FindNearestRows(x, from, among, Allocator(Device::kCpu));
  ASSERT_TRUE(nearest.ok()) << nearest.status();
  EXPECT_THAT(nearest->index.span<int32_t>(), testing::ElementsAre(0, 0));
  EXPECT_NEAR(nearest->cosine.data<float>()[0], 1, 1e-6);
  EXPECT_NEAR(nearest->cosine.data<float>()[1], -1, 1e-6);
}

TEST(NearestRows, GivesTheSameBitsForAnyNumberOfThreads) {
  const Tensor x = Random(Shape{1, 700, 33}, DType::kF32, 3);
  std::vector<int32_t> from(500), among(200);
  std::iota(from.begin(), from.end(), 0);
  std::iota(among.begin(), among.end(), 500);
  SetThreads(1);
  const NearestRow wanted = *FindNearestRows(x, from, among, Allocator(Device::kCpu));
  for (const int threads : {2, 3, 8}) {
    SetThreads(threads);
    const NearestRow nearest = *FindNearestRows(x, from, among, Allocator(Device::kCpu));
    EXPECT_EQ(nearest.index.span<int32_t>(), wanted.index.span<int32_t>()) << threads;
    EXPECT_EQ(nearest.cosine.span<float>(), wanted.cosine.span<float>()) << threads;
  }
  SetThreads(0);
}

TEST(NearestRows, TakesInADryRunTheMemoryOfTheRun) {
  const std::vector<int32_t> from = {0, 1, 2}, among = {3, 4};
  const Allocator real(Device::kCpu), dry(Device::kMeta);
  const Tensor x = Random(Shape{2, 5, 64}, DType::kF32, 3);
  const Tensor shape = *Tensor::Allocate(Allocator(Device::kMeta), DType::kF32, x.shape());
  const auto nearest = FindNearestRows(x, from, among, real);
  const auto planned = FindNearestRows(shape, from, among, dry);
  ASSERT_TRUE(nearest.ok() && planned.ok());
  EXPECT_TRUE(planned->index.is_meta());
  EXPECT_EQ(planned->index.shape(), nearest->index.shape());
  EXPECT_EQ(dry.meter()->peak(), real.meter()->peak());
}

}  // namespace
}  // namespace weft
