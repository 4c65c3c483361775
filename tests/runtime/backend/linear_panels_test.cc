// The kernel of linear layers in bf16: tiles and panels that are not full, all that may follow a
// product, and bits that depend on neither the threads nor the other rows.
#include "runtime/backend/cpu/kernels/linear_panels.h"

#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/backend/cpu/cpu_backend.h"
#include "runtime/backend/cpu/kernels/dot_products.h"
#include "tests/runtime/backend/reference.h"

namespace weft {
namespace {

using reference::Near;
using reference::Random;

// Of the largest value: bf16 rounds a result by 1/256 of its value at most; the rest is that of the
// sums and of the activations.
constexpr double kTolerance = 4.1e-3;

struct Case {
  int64_t batch, rows, in, out;
};

class LinearPanelsKernel : public testing::Test {
 protected:
  void SetUp() override {
    if (!cpu::HasBF16Dot()) GTEST_SKIP() << "this processor has no bf16 dot product";
  }
  void TearDown() override { SetThreads(0); }

  // All that a layer may be given: bits of `with` choose.
  static constexpr unsigned kBias = 1, kPerChannel = 2, kAddend = 4, kResidual = 8, kAll = 16;
  struct Layer {
    Tensor x, weight, bias;
    Epilogue epilogue;
    Shape shape;
  };
  static Layer Make(const Case& c, bool gated, Activation activation, unsigned with) {
    Layer layer;
    layer.shape = Shape{c.batch, c.rows, c.out};
    layer.epilogue.gated = gated;
    layer.epilogue.activation = activation;
    const int64_t all = gated ? 2 * c.out : c.out;
    layer.x = Random(Shape{c.batch, c.rows, c.in}, DType::kBF16, 1);
    layer.weight = Random(Shape{all, c.in}, DType::kBF16, 2, 1 / std::sqrt(1.0 * c.in));
    if ((with & kBias) != 0) layer.bias = Random(Shape{all}, DType::kF32, 3);
    if ((with & kPerChannel) != 0) {
      layer.epilogue.per_channel = Random(Shape{c.batch, all}, DType::kBF16, 4);
    }
    if ((with & kAddend) != 0) {
      layer.epilogue.addend = Random(Shape{c.batch, c.rows, all}, DType::kBF16, 5);
    }
    if ((with & kResidual) != 0) layer.epilogue.residual = Random(layer.shape, DType::kBF16, 6);
    return layer;
  }
  absl::StatusOr<Tensor> Run(const Layer& layer, const Tensor& x, Epilogue epilogue) {
    const auto packed =
        backend_->PackLinear(layer.weight, layer.bias, epilogue.gated, x, DType::kBF16, allocator_);
    if (!packed.ok()) return packed.status();
    return backend_->Linear(**packed, x, std::move(epilogue), allocator_);
  }
  absl::StatusOr<Tensor> Run(const Layer& layer) { return Run(layer, layer.x, layer.epilogue); }

  std::unique_ptr<Backend> backend_ = MakeCpuBackend();
  Allocator allocator_{Device::kCpu};
};

TEST_F(LinearPanelsKernel, MatchesTheDefinitionForEveryShapeOfTileAndPanel) {
  const Case cases[] = {{1, 1, 2, 1},     {1, 5, 6, 16},    {1, 6, 64, 31},   {2, 7, 34, 33},
                        {1, 8, 320, 64},  {1, 9, 66, 65},   {1, 10, 50, 130}, {2, 11, 1000, 40},
                        {1, 154, 96, 80}, {1, 401, 30, 90}, {2, 500, 22, 257}};
  for (const Case& c : cases) {
    for (const bool gated : {false, true}) {
      const Layer layer = Make(c, gated, Activation::kSilu, kBias);
      const auto y = Run(layer);
      ASSERT_TRUE(y.ok()) << y.status();
      EXPECT_TRUE(Near(*y, layer.shape,
                       reference::Linear(layer.x, layer.weight, layer.bias, layer.epilogue, gated),
                       kTolerance))
          << c.rows << " rows of " << c.in << " to " << c.out << (gated ? ", gated" : "");
    }
  }
}

TEST_F(LinearPanelsKernel, MatchesTheDefinitionWithAllThatMayFollow) {
  for (const bool gated : {false, true}) {
    for (const Activation activation :
         {Activation::kNone, Activation::kSilu, Activation::kGelu, Activation::kGeluTanh,
          Activation::kQuickGelu, Activation::kRelu}) {
      for (unsigned with = 0; with < kAll; ++with) {
        if (gated && (with & kPerChannel) != 0) continue;  // Ops refuses that
        const Layer layer = Make({2, 10, 38, 75}, gated, activation, with);
        const std::string what = absl::StrCat("activation ", static_cast<int>(activation),
                                              ", with ", with, gated ? ", gated" : "");
        const auto expected =
            reference::Linear(layer.x, layer.weight, layer.bias, layer.epilogue, gated);
        const auto y = Run(layer);
        ASSERT_TRUE(y.ok()) << y.status();
        EXPECT_TRUE(Near(*y, layer.shape, expected, kTolerance)) << what;

        // The residual's memory becomes the result's: the same bits.
        Epilogue mine = layer.epilogue;
        if (mine.residual.empty()) continue;
        mine.residual = Random(layer.shape, DType::kBF16, 6);
        const std::byte* memory = mine.residual.raw();
        const auto z = Run(layer, layer.x, std::move(mine));
        ASSERT_TRUE(z.ok()) << z.status();
        EXPECT_EQ(z->raw(), memory) << what;
        EXPECT_EQ(std::memcmp(z->raw(), y->raw(), y->bytes()), 0) << what;
      }
    }
  }
}

TEST_F(LinearPanelsKernel, GivesTheSameBitsWithAnyNumberOfThreads) {
  // Rows for each thread, panels for each thread, and fewer panels than threads.
  for (const Case& c :
       {Case{1, 1000, 40, 70}, {2, 77, 64, 640}, {1, 3, 64, 1280}, {1, 50, 128, 9}}) {
    for (const bool gated : {false, true}) {
      const Layer layer = Make(c, gated, Activation::kGelu, kBias | kResidual);
      SetThreads(1);
      const auto one = Run(layer);
      ASSERT_TRUE(one.ok()) << one.status();
      for (const int threads : {2, 3, 8}) {
        SetThreads(threads);
        const auto y = Run(layer);
        ASSERT_TRUE(y.ok()) << y.status();
        EXPECT_EQ(std::memcmp(y->raw(), one->raw(), one->bytes()), 0)
            << c.rows << " rows to " << c.out << " with " << threads << " threads";
      }
    }
  }
}

TEST_F(LinearPanelsKernel, GivesARowTheSameBitsAloneAsAmongOthers) {
  const Layer all = Make({1, 400, 322, 100}, false, Activation::kNone, kBias);
  const auto y = Run(all);
  ASSERT_TRUE(y.ok()) << y.status();
  for (const int64_t row : {0, 3, 5, 6, 200, 399}) {
    const Tensor x = *Tensor::Allocate(allocator_, DType::kBF16, Shape{1, 1, 322});
    Tensor copy = x;
    std::memcpy(copy.mutable_data<std::byte>(), all.x.raw() + row * 322 * 2, 322 * 2);
    const auto alone = Run(all, copy, {});
    ASSERT_TRUE(alone.ok()) << alone.status();
    EXPECT_EQ(std::memcmp(alone->raw(), y->raw() + row * 100 * 2, 100 * 2), 0) << "row " << row;
  }
}

TEST_F(LinearPanelsKernel, TakesNoMoreForWeightsThanFillsTheirPanels) {
  EXPECT_EQ(cpu::LinearPanelsSize(320, 768, false), 320 * 768);
  EXPECT_EQ(cpu::LinearPanelsSize(1280, 320, true), 2560 * 320);
  EXPECT_EQ(cpu::LinearPanelsSize(65, 10, false), 128 * 10);
  EXPECT_EQ(cpu::LinearPanelsSize(33, 10, true), 128 * 10);
  EXPECT_FALSE(cpu::HasLinearPanels(DType::kBF16, 37)) << "an odd number of inputs has no pairs";
}

}  // namespace
}  // namespace weft
