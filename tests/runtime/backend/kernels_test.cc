#include <cstring>
#include <tuple>

#include "runtime/backend/cpu/cpu_backend.h"
#include "tests/runtime/backend/reference.h"

namespace weft {
namespace {

using reference::Near;
using reference::Random;
using reference::Tolerance;

class Kernels : public testing::TestWithParam<DType> {
 protected:
  std::unique_ptr<Backend> backend_ = MakeCpuBackend();
  Allocator allocator_{Device::kCpu};
};

INSTANTIATE_TEST_SUITE_P(Cpu, Kernels, testing::Values(DType::kF32, DType::kBF16),
                         [](const auto& param_info) {
                           return param_info.param == DType::kF32 ? "F32" : "BF16";
                         });

TEST_P(Kernels, NormaliseGroupsOverOneOrMoreSources) {
  struct Case {
    int64_t batch, h, w;
    std::vector<int64_t> sources;
    int64_t groups;
  };
  const Case cases[] = {{2, 8, 8, {64}, 32},      {1, 5, 7, {40}, 8}, {2, 16, 16, {30, 18}, 16},
                        {1, 1, 1, {32}, 4},       {2, 3, 3, {7}, 7},  {1, 60, 61, {33, 31}, 32},
                        {2, 9, 11, {12, 5, 3}, 5}};
  for (const Case& c : cases) {
    std::vector<Tensor> sources;
    int64_t channels = 0;
    for (const int64_t n : c.sources) {
      sources.push_back(
          Random(Shape{c.batch, c.h, c.w, n}, GetParam(), static_cast<unsigned>(n), 2.0, 0.7));
      channels += n;
    }
    const Tensor gamma = Random(Shape{channels}, DType::kF32, 1);
    const Tensor beta = Random(Shape{channels}, DType::kF32, 2);
    for (const Activation activation : {Activation::kNone, Activation::kSilu}) {
      std::vector<Tensor> given = sources;
      const auto y = backend_->GroupNorm(absl::MakeSpan(given), gamma, beta, c.groups, 1e-5f,
                                         activation, allocator_);
      ASSERT_TRUE(y.ok()) << y.status();
      EXPECT_TRUE(Near(*y, Shape{c.batch, c.h, c.w, channels},
                       reference::GroupNorm(sources, gamma, beta, c.groups, 1e-5, activation),
                       Tolerance(GetParam())));
    }
  }
}

TEST_P(Kernels, NormaliseGroupsWithoutScaleAndShift) {
  const std::vector<Tensor> sources = {Random(Shape{2, 4, 4, 24}, GetParam(), 1)};
  const Tensor ones = *Tensor::Of<float>(Shape{24}, std::vector<float>(24, 1.0f));
  const Tensor zeros = *Tensor::Of<float>(Shape{24}, std::vector<float>(24, 0.0f));
  std::vector<Tensor> given = sources;
  const auto y = backend_->GroupNorm(absl::MakeSpan(given), Tensor(), Tensor(), 4, 1e-6f,
                                     Activation::kNone, allocator_);
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_TRUE(Near(*y, Shape{2, 4, 4, 24},
                   reference::GroupNorm(sources, ones, zeros, 4, 1e-6, Activation::kNone),
                   Tolerance(GetParam())));
}

TEST_P(Kernels, NormaliseGroupsInTheMemoryOfTheLastReference) {
  std::vector<Tensor> own = {Random(Shape{2, 9, 7, 40}, GetParam(), 1)};
  std::vector<Tensor> shared = {Random(Shape{2, 9, 7, 40}, GetParam(), 1)};
  const Tensor held = shared[0];
  const std::byte* memory = own[0].raw();
  const auto normalise = [&](std::vector<Tensor>& sources) {
    return backend_->GroupNorm(absl::MakeSpan(sources), Tensor(), Tensor(), 8, 1e-5f,
                               Activation::kSilu, allocator_);
  };
  const auto in_place = normalise(own);
  const auto apart = normalise(shared);
  ASSERT_TRUE(in_place.ok() && apart.ok()) << in_place.status() << apart.status();
  EXPECT_EQ(in_place->raw(), memory);
  EXPECT_NE(apart->raw(), held.raw());
  EXPECT_EQ(std::memcmp(in_place->raw(), apart->raw(), apart->bytes()), 0);
}

TEST(GroupNorm, KeepsItsDigitsWhereTheMeanIsFarFromZero) {
  const auto backend = MakeCpuBackend();
  const std::vector<Tensor> sources = {Random(Shape{1, 64, 64, 32}, DType::kF32, 1, 0.05, 100.0)};
  const Tensor gamma = Random(Shape{32}, DType::kF32, 2);
  const Tensor beta = Random(Shape{32}, DType::kF32, 3);
  std::vector<Tensor> given = sources;
  const auto y = backend->GroupNorm(absl::MakeSpan(given), gamma, beta, 8, 1e-5f, Activation::kNone,
                                    Allocator(Device::kCpu));
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_TRUE(Near(*y, Shape{1, 64, 64, 32},
                   reference::GroupNorm(sources, gamma, beta, 8, 1e-5, Activation::kNone), 2e-5));
}

TEST_P(Kernels, NormaliseRows) {
  for (const int64_t width : {1, 8, 31, 64, 320, 1283}) {
    const Tensor x = Random(Shape{3, 7, width}, GetParam(), static_cast<unsigned>(width), 3.0, 1.0);
    const Tensor gamma = Random(Shape{width}, DType::kF32, 1);
    const Tensor beta = Random(Shape{width}, DType::kF32, 2);
    // A layer norm is a group norm of pictures of one pixel with one group.
    const std::vector<Tensor> sources = {*x.Reshape(Shape{21, 1, 1, width})};
    const auto expected = reference::GroupNorm(sources, gamma, beta, 1, 1e-5, Activation::kNone);
    const auto y = backend_->LayerNorm(x, gamma, beta, 1e-5f, allocator_);
    ASSERT_TRUE(y.ok()) << y.status();
    EXPECT_TRUE(Near(*y, x.shape(), expected, Tolerance(GetParam()))) << width;
  }
}

TEST_P(Kernels, ActivateElementwise) {
  for (const Activation activation :
       {Activation::kNone, Activation::kSilu, Activation::kGelu, Activation::kGeluTanh,
        Activation::kQuickGelu, Activation::kRelu}) {
    for (const int64_t count : {1, 17, 40000}) {
      const Tensor x = Random(Shape{count}, GetParam(), 5, 6.0);
      auto expected = reference::Of(x);
      for (double& value : expected) value = reference::Activated(value, activation);
      const auto y = backend_->Activate(x, activation, allocator_);
      ASSERT_TRUE(y.ok()) << y.status();
      EXPECT_TRUE(Near(*y, x.shape(), expected, GetParam() == DType::kF32 ? 1e-6 : 4e-3))
          << static_cast<int>(activation);
    }
  }
}

TEST_P(Kernels, ActivateExtremesWithoutOverflow) {
  const std::vector<float> extremes = {-1e30f, -200.0f, -88.5f, 0.0f, 88.5f, 200.0f, 1e30f};
  const Tensor x = *(*Tensor::Of<float>(Shape{7}, extremes)).To(GetParam(), allocator_);
  for (const Activation activation :
       {Activation::kSilu, Activation::kGelu, Activation::kQuickGelu, Activation::kRelu}) {
    const auto y = backend_->Activate(x, activation, allocator_);
    ASSERT_TRUE(y.ok()) << y.status();
    const auto values = reference::Of(*y);
    const auto given = reference::Of(x);
    for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(values[i], 0.0, 1e-6) << given[i];
    for (size_t i = 4; i < 7; ++i) EXPECT_EQ(values[i], given[i]);
  }
}

TEST_P(Kernels, AddElementwiseInPlaceOnlyWhereNobodyElseHoldsTheInput) {
  const Tensor x = Random(Shape{3, 1001}, GetParam(), 1);
  const Tensor y = Random(Shape{3, 1001}, GetParam(), 2);
  auto expected = reference::Of(x);
  const auto before = expected;
  const auto other = reference::Of(y);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] += other[i];
  const auto sum = backend_->Add(x, y, allocator_);
  ASSERT_TRUE(sum.ok()) << sum.status();
  EXPECT_TRUE(Near(*sum, x.shape(), expected, Tolerance(GetParam())));
  EXPECT_EQ(reference::Of(x), before) << "a shared input was written to";

  Tensor mine = Random(Shape{3, 1001}, GetParam(), 1);
  const std::byte* memory = mine.raw();
  const auto in_place = backend_->Add(std::move(mine), y, allocator_);
  ASSERT_TRUE(in_place.ok()) << in_place.status();
  EXPECT_EQ(in_place->raw(), memory);
  EXPECT_TRUE(Near(*in_place, x.shape(), expected, Tolerance(GetParam())));
}

TEST_P(Kernels, ChangeTheLayoutThereAndBack) {
  const Tensor x = *Random(Shape{2, 5, 6, 7}, GetParam(), 1).To(DType::kF32, allocator_);
  const auto last = backend_->ToChannelsLast(x, GetParam(), allocator_);
  ASSERT_TRUE(last.ok()) << last.status();
  ASSERT_EQ(last->shape(), (Shape{2, 6, 7, 5}));
  const auto from = reference::Of(x), to = reference::Of(*last);
  EXPECT_EQ(to[((1 * 6 + 2) * 7 + 3) * 5 + 4], from[((1 * 5 + 4) * 6 + 2) * 7 + 3]);
  const auto first = backend_->ToChannelsFirst(*last, allocator_);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->shape(), x.shape());
  EXPECT_EQ(reference::Of(*first), from);
}

struct AttentionCase {
  const char* name;
  int64_t batch, rows, keys, heads, width;
  bool causal = false;
  double sharpness = 1;
};

std::ostream& operator<<(std::ostream& out, const AttentionCase& c) { return out << c.name; }

const AttentionCase kAttention[] = {
    {"Usual", 2, 64, 64, 2, 40},
    {"Prompt", 2, 50, 77, 3, 40},
    {"CausalText", 1, 77, 77, 2, 64, true},
    {"TwoCausalTexts", 2, 77, 77, 12, 64, true},
    {"ManyHeadsOfFewRows", 2, 17, 20, 16, 20},
    {"ManyHeadsOfOddWidth", 1, 50, 9, 16, 11},
    {"SeveralKeyBlocks", 1, 49, 1100, 1, 16},
    {"CausalOverSeveralBlocks", 1, 600, 600, 1, 8, true},
    {"OneKey", 1, 5, 1, 2, 8},
    {"OneQuery", 2, 1, 33, 1, 24},
    {"OddWidth", 1, 13, 21, 3, 13},
    {"WidthOfOne", 1, 9, 17, 2, 1},
    {"Wide", 1, 20, 70, 1, 160},
    {"AsWideAsInAVae", 1, 17, 65, 1, 512},
    {"Width80", 1, 30, 30, 2, 80},
    {"Sharp", 1, 48, 513, 2, 32, false, 30},
};

class AttentionKernel : public testing::TestWithParam<std::tuple<AttentionCase, DType>> {};

TEST_P(AttentionKernel, MatchesTheDefinitionOnMergedColumns) {
  const auto& [c, dtype] = GetParam();
  const int64_t all = c.heads * c.width;
  // q stands alone with columns before and after; k and v share one tensor, v first.
  const Tensor q = Random(Shape{c.batch, c.rows, all + 5}, dtype, 1, std::sqrt(c.sharpness));
  const Tensor kv = Random(Shape{c.batch, c.keys, 2 * all}, dtype, 2, std::sqrt(c.sharpness));
  const Columns queries{q, 3, all}, keys{kv, all, all}, values{kv, 0, all};
  AttentionSpec spec;
  spec.heads = c.heads;
  spec.scale = 1 / std::sqrt(static_cast<float>(c.width));
  spec.causal = c.causal;
  const auto y = MakeCpuBackend()->Attention(queries, keys, values, spec, Allocator(Device::kCpu));
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_TRUE(Near(*y, Shape{c.batch, c.rows, all},
                   reference::Attention(queries, keys, values, spec), Tolerance(dtype)));
}

INSTANTIATE_TEST_SUITE_P(Cpu, AttentionKernel,
                         testing::Combine(testing::ValuesIn(kAttention),
                                          testing::Values(DType::kF32, DType::kBF16)),
                         [](const auto& param_info) {
                           return std::string(std::get<0>(param_info.param).name) +
                                  (std::get<1>(param_info.param) == DType::kF32 ? "F32" : "BF16");
                         });

// Two threads take whole heads of this text, more take tiles of it.
TEST(AttentionKernelOfTexts, HasTheSameBitsByHeadsAsByTiles) {
  const auto backend = MakeCpuBackend();
  AttentionSpec spec;
  spec.heads = 12;
  spec.causal = true;
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const Tensor x = Random(Shape{2, 77, 3 * 768}, dtype, 1);
    std::vector<Tensor> results;
    for (const int threads : {2, 8}) {
      SetThreads(threads);
      const auto y = backend->Attention({x, 0, 768}, {x, 768, 768}, {x, 1536, 768}, spec,
                                        Allocator(Device::kCpu));
      ASSERT_TRUE(y.ok()) << y.status();
      results.push_back(*y);
    }
    EXPECT_EQ(std::memcmp(results[0].raw(), results[1].raw(), results[0].bytes()), 0)
        << Name(dtype);
  }
  SetThreads(0);
}

TEST(Attention, TakesMemoryLinearInTheRows) {
  const auto backend = MakeCpuBackend();
  SetThreads(1);
  const auto peak = [&](int64_t rows) {
    const Allocator allocator(Device::kCpu);
    const Tensor x = Random(Shape{1, rows, 8}, DType::kF32, 1);
    AttentionSpec spec;
    EXPECT_TRUE(backend->Attention({x, 0, 8}, {x, 0, 8}, {x, 0, 8}, spec, allocator).ok());
    return static_cast<double>(allocator.meter()->peak());
  };
  const double step = peak(4096) - peak(2048);
  SetThreads(0);
  EXPECT_LT(step, 2048.0 * 8 * 4 * 6) << "bytes that 2,048 more rows took";
}

}  // namespace
}  // namespace weft
