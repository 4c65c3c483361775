// The same bits with 1, 2, 3 and 8 threads, over shapes of every kind that networks have.
#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/backend/cpu/cpu_backend.h"
#include "tests/runtime/backend/reference.h"

namespace weft {
namespace {

using reference::Random;

class Threads : public testing::TestWithParam<DType> {
 protected:
  void TearDown() override { SetThreads(0); }

  // Runs with each number of threads, from packing on, and compares bytes.
  template <typename Run>
  static void ExpectSameBits(const std::string& what, Run run) {
    Tensor first;
    for (const int threads : {1, 2, 3, 8}) {
      SetThreads(threads);
      const absl::StatusOr<Tensor> y = run();
      ASSERT_TRUE(y.ok()) << what << ": " << y.status();
      if (first.empty()) {
        first = *y;
        continue;
      }
      ASSERT_EQ(y->shape(), first.shape()) << what;
      EXPECT_EQ(std::memcmp(y->raw(), first.raw(), y->bytes()), 0)
          << what << " with " << threads << " threads";
    }
  }

  std::unique_ptr<Backend> backend_ = MakeCpuBackend();
  Allocator allocator_{Device::kCpu};
};

INSTANTIATE_TEST_SUITE_P(Cpu, Threads, testing::Values(DType::kF32, DType::kBF16),
                         [](const auto& param_info) {
                           return param_info.param == DType::kF32 ? "F32" : "BF16";
                         });

TEST_P(Threads, DoNotChangeConvolutions) {
  struct Case {
    int64_t batch, size, in, out, kernel, stride;
    bool upsample = false;
  };
  const Case cases[] = {
      {2, 8, 320, 320, 3, 1},  {1, 4, 1280, 64, 3, 1},  {2, 2, 640, 32, 3, 1},
      {1, 1, 512, 16, 3, 1},   {2, 8, 640, 128, 1, 1},  {1, 1, 1280, 32, 1, 1},
      {2, 16, 64, 64, 3, 2},   {1, 64, 4, 32, 3, 1},    {2, 32, 32, 4, 3, 1},
      {1, 33, 3, 16, 3, 1},    {1, 31, 16, 3, 3, 1},    {2, 7, 36, 52, 3, 1},
      {1, 16, 192, 192, 3, 1}, {1, 9, 17, 5, 1, 1},     {2, 16, 128, 64, 3, 1, true},
      {1, 48, 96, 48, 3, 1},   {1, 17, 1280, 32, 3, 1}, {1, 12, 960, 64, 3, 1},
      {2, 1, 2560, 128, 3, 1}, {2, 24, 960, 3, 3, 2},
  };
  for (const Case& c : cases) {
    ConvSpec spec;
    spec.in_channels = c.in;
    spec.out_channels = c.out;
    spec.kernel = c.kernel;
    spec.stride = c.stride;
    spec.pad_begin = spec.pad_end = c.kernel / 2;
    spec.upsample = c.upsample;
    const Tensor weight = Random(Shape{c.out, c.in, c.kernel, c.kernel}, DType::kF32, 1);
    const Tensor bias = Random(Shape{c.out}, DType::kF32, 2);
    // One source with all that may follow, then two.
    const int64_t half = (c.in + 1) / 2;
    for (const bool two : {false, true}) {
      std::vector<Tensor> sources = {
          Random(Shape{c.batch, c.size, c.size, two ? half : c.in}, GetParam(), 3)};
      if (two)
        sources.push_back(Random(Shape{c.batch, c.size, c.size, c.in - half}, GetParam(), 4));
      Epilogue epilogue;
      epilogue.activation = Activation::kSilu;
      epilogue.per_channel = Random(Shape{c.batch, c.out}, GetParam(), 5);
      ExpectSameBits(absl::StrCat(c.in, " to ", c.out, ", ", c.size, "², kernel ", c.kernel), [&] {
        const auto packed = backend_->PackConv(spec, weight, bias, sources, GetParam(), allocator_);
        return packed.ok() ? backend_->Conv2d(**packed, sources, epilogue, allocator_)
                           : absl::StatusOr<Tensor>(packed.status());
      });
    }
  }
}

TEST_P(Threads, DoNotChangeLinearLayers) {
  struct Case {
    int64_t rows, in, out;
  };
  const Case cases[] = {{1, 320, 1280}, {1, 1280, 320}, {2, 1280, 1280}, {2, 320, 64},
                        {77, 768, 256}, {77, 3072, 64}, {154, 768, 320}, {512, 64, 64},
                        {1024, 96, 96}, {64, 4096, 48}, {16, 8192, 16},  {1, 8192, 16},
                        {3, 7, 9},      {33, 129, 65},  {4, 10000, 4},   {300, 1280, 40}};
  for (const Case& c : cases) {
    const Tensor weight = Random(Shape{c.out, c.in}, DType::kF32, 1);
    const Tensor bias = Random(Shape{c.out}, DType::kF32, 2);
    const Tensor x = Random(Shape{c.rows, c.in}, GetParam(), 3);
    for (const bool gated : {false, true}) {
      if (gated && c.out % 2 != 0) continue;
      Epilogue epilogue;
      epilogue.activation = Activation::kGelu;
      epilogue.gated = gated;
      ExpectSameBits(absl::StrCat(c.rows, " rows of ", c.in, " to ", c.out), [&] {
        const auto packed = backend_->PackLinear(weight, bias, gated, x, GetParam(), allocator_);
        return packed.ok() ? backend_->Linear(**packed, x, epilogue, allocator_)
                           : absl::StatusOr<Tensor>(packed.status());
      });
    }
  }
}

TEST_P(Threads, DoNotChangeNorms) {
  const Tensor gamma = Random(Shape{96}, DType::kF32, 1);
  const Tensor beta = Random(Shape{96}, DType::kF32, 2);
  for (const int64_t size : {1, 5, 8, 64, 131}) {
    std::vector<Tensor> sources = {Random(Shape{2, size, size, 60}, GetParam(), 3),
                                   Random(Shape{2, size, size, 36}, GetParam(), 4)};
    ExpectSameBits(absl::StrCat("group norm of ", size, "²"), [&] {
      return backend_->GroupNorm(absl::MakeSpan(sources), gamma, beta, 32, 1e-5f, Activation::kSilu,
                                 allocator_);
    });
    const Tensor x = Random(Shape{size * size, 96}, GetParam(), 5);
    ExpectSameBits(absl::StrCat("layer norm of ", size, "² rows"),
                   [&] { return backend_->LayerNorm(x, gamma, beta, 1e-5f, allocator_); });
  }
}

TEST_P(Threads, DoNotChangeAttention) {
  for (const int64_t rows : {1, 47, 77, 300, 1100}) {
    const Tensor x = Random(Shape{2, rows, 3 * 80}, GetParam(), 1);
    AttentionSpec spec;
    spec.heads = 2;
    spec.scale = 0.2f;
    for (const bool causal : {false, true}) {
      spec.causal = causal;
      ExpectSameBits(absl::StrCat("attention of ", rows, " rows"), [&] {
        return backend_->Attention({x, 0, 80}, {x, 80, 80}, {x, 160, 80}, spec, allocator_);
      });
    }
  }
}

TEST(ThreadCount, MayChangeBetweenUsesOfTheSamePackedWeights) {
  const auto backend = MakeCpuBackend();
  const Allocator allocator(Device::kCpu);
  const Tensor weight = Random(Shape{128, 640}, DType::kF32, 1);
  const Tensor x = Random(Shape{2, 640}, DType::kF32, 2);
  SetThreads(1);
  const auto packed = backend->PackLinear(weight, Tensor(), false, x, DType::kF32, allocator);
  ASSERT_TRUE(packed.ok()) << packed.status();
  const auto one = backend->Linear(**packed, x, {}, allocator);
  SetThreads(8);
  const auto eight = backend->Linear(**packed, x, {}, allocator);
  SetThreads(0);
  ASSERT_TRUE(one.ok() && eight.ok());
  EXPECT_EQ(std::memcmp(one->raw(), eight->raw(), one->bytes()), 0);
}

}  // namespace
}  // namespace weft
