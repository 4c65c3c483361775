#include <cstring>
#include <tuple>
#include <vector>

#include "runtime/backend/cpu/cpu_backend.h"
#include "tests/runtime/backend/reference.h"

namespace weft {
namespace {

using reference::Near;
using reference::Random;
using reference::Tolerance;

struct Case {
  const char* name;
  std::vector<int64_t> rows;  // leading axes of x
  int64_t in, out;
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

const Case kCases[] = {
    {"Square", {2, 16}, 64, 64},        {"OneRow", {1}, 320, 64},   {"TwoRows", {2}, 64, 256},
    {"OddEverything", {1, 13}, 37, 46}, {"Tiny", {3}, 1, 2},        {"Picture", {2, 4, 5}, 24, 40},
    {"Tokens", {2, 77}, 96, 160},       {"TallSum", {5}, 3000, 18},
};

class LinearLayer : public testing::TestWithParam<std::tuple<Case, DType>> {
 protected:
  void SetUp() override {
    const auto& [c, dtype] = GetParam();
    dtype_ = dtype;
    std::vector<int64_t> dims = c.rows;
    dims.push_back(c.in);
    x_ = Random(Shape(dims), dtype, 1);
    weight_ = Random(Shape{c.out, c.in}, dtype, 2, 1 / std::sqrt(static_cast<double>(c.in)));
    bias_ = Random(Shape{c.out}, dtype, 3);
    dims.back() = c.out;
    output_ = Shape(dims);
    dims.back() = c.out / 2;
    gated_output_ = Shape(dims);
  }
  absl::StatusOr<Tensor> Run(const Tensor& bias, bool gated, Epilogue epilogue) {
    auto packed = backend_->PackLinear(weight_, bias, gated, x_, dtype_, allocator_);
    if (!packed.ok()) return packed.status();
    return backend_->Linear(**packed, x_, std::move(epilogue), allocator_);
  }

  std::unique_ptr<Backend> backend_ = MakeCpuBackend();
  Allocator allocator_{Device::kCpu};
  DType dtype_ = DType::kF32;
  Tensor x_, weight_, bias_;
  Shape output_, gated_output_;
};

TEST_P(LinearLayer, MatchesTheDefinitionWithEveryActivation) {
  for (const Activation activation :
       {Activation::kNone, Activation::kSilu, Activation::kGelu, Activation::kGeluTanh,
        Activation::kQuickGelu, Activation::kRelu}) {
    Epilogue epilogue;
    epilogue.activation = activation;
    const auto y = Run(bias_, false, epilogue);
    ASSERT_TRUE(y.ok()) << y.status();
    EXPECT_TRUE(Near(*y, output_, reference::Linear(x_, weight_, bias_, epilogue, false),
                     Tolerance(dtype_)))
        << static_cast<int>(activation);
  }
}

TEST_P(LinearLayer, MatchesTheDefinitionWithoutBias) {
  const auto y = Run(Tensor(), false, {});
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_TRUE(
      Near(*y, output_, reference::Linear(x_, weight_, Tensor(), {}, false), Tolerance(dtype_)));
}

TEST_P(LinearLayer, AddsAResidualInPlaceOrBesideIt) {
  Epilogue shared;
  shared.residual = Random(output_, dtype_, 4);
  const auto before = reference::Of(shared.residual);
  const auto expected = reference::Linear(x_, weight_, bias_, shared, false);
  const auto y = Run(bias_, false, shared);
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_TRUE(Near(*y, output_, expected, Tolerance(dtype_)));
  EXPECT_EQ(reference::Of(shared.residual), before) << "a shared residual was written to";

  Epilogue mine;
  mine.residual = Random(output_, dtype_, 4);
  const std::byte* memory = mine.residual.raw();
  const auto z = Run(bias_, false, std::move(mine));
  ASSERT_TRUE(z.ok()) << z.status();
  EXPECT_TRUE(Near(*z, output_, expected, Tolerance(dtype_)));
  if (dtype_ == DType::kF32 || SupportsBf16()) {
    EXPECT_EQ(z->raw(), memory);
  }
}

TEST_P(LinearLayer, AddsToEachChannelOfEachBatch) {
  Epilogue epilogue;
  epilogue.per_channel = Random(Shape{x_.dim(0), output_.dim(-1)}, dtype_, 5);
  epilogue.activation = Activation::kSilu;
  const auto y = Run(bias_, false, epilogue);
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_TRUE(
      Near(*y, output_, reference::Linear(x_, weight_, bias_, epilogue, false), Tolerance(dtype_)));
}

TEST_P(LinearLayer, GatesOneHalfByTheOther) {
  for (const bool residual : {false, true}) {
    Epilogue epilogue;
    epilogue.activation = Activation::kGelu;
    epilogue.gated = true;
    if (residual) epilogue.residual = Random(gated_output_, dtype_, 6);
    const auto expected = reference::Linear(x_, weight_, bias_, epilogue, true);
    const auto y = Run(bias_, true, epilogue);
    ASSERT_TRUE(y.ok()) << y.status();
    // In bf16 the gates are rounded before the product.
    EXPECT_TRUE(Near(*y, gated_output_, expected, Tolerance(dtype_))) << residual;
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, LinearLayer,
                         testing::Combine(testing::ValuesIn(kCases),
                                          testing::Values(DType::kF32, DType::kBF16)),
                         [](const auto& param_info) {
                           return std::string(std::get<0>(param_info.param).name) +
                                  (std::get<1>(param_info.param) == DType::kF32 ? "F32" : "BF16");
                         });

TEST(LinearWeights, ServeAnyNumberOfRows) {
  const auto backend = MakeCpuBackend();
  const Allocator allocator(Device::kCpu);
  const Tensor weight = Random(Shape{96, 64}, DType::kF32, 1, 0.1);
  const auto packed = backend->PackLinear(
      weight, Tensor(), false, Random(Shape{2, 64}, DType::kF32, 2), DType::kF32, allocator);
  ASSERT_TRUE(packed.ok()) << packed.status();
  for (const int64_t rows : {1, 3, 77, 500}) {
    const Tensor x = Random(Shape{rows, 64}, DType::kF32, 3);
    const auto y = backend->Linear(**packed, x, {}, allocator);
    ASSERT_TRUE(y.ok()) << y.status();
    EXPECT_TRUE(Near(*y, Shape{rows, 96}, reference::Linear(x, weight, Tensor(), {}, false), 1e-5));
  }
}

TEST(LinearWeights, GateInSeveralStepsWhereRowsAreMany) {
  const auto backend = MakeCpuBackend();
  const Allocator allocator(Device::kCpu);
  // 4 MB of gates hold 1,024 rows of 1,024 in f32: this takes two steps and a part of one.
  const Tensor weight = Random(Shape{2048, 4}, DType::kF32, 1, 0.5);
  const Tensor x = Random(Shape{2100, 4}, DType::kF32, 2);
  Epilogue epilogue;
  epilogue.gated = true;
  epilogue.activation = Activation::kGelu;
  const auto packed = backend->PackLinear(weight, Tensor(), true, x, DType::kF32, allocator);
  ASSERT_TRUE(packed.ok()) << packed.status();
  const auto y = backend->Linear(**packed, x, epilogue, allocator);
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_TRUE(
      Near(*y, Shape{2100, 1024}, reference::Linear(x, weight, Tensor(), epilogue, true), 1e-5));
}

TEST(LinearWeights, PackTheSameBitsBlockByBlockAsAtOnce) {
  const auto backend = MakeCpuBackend();
  const Allocator allocator(Device::kCpu);
  // Halves are converted about 1 MB at a time: three blocks, the last one short; 646 rows make
  // layouts fill up with zeros.
  for (const int64_t out : {640, 646}) {
    const Tensor halves = Random(Shape{out, 2048}, DType::kF16, 1, 0.1);
    for (const DType compute : {DType::kF32, DType::kBF16}) {
      // Elsewhere bf16 is computed in f32, from the halves as they are.
      if (compute == DType::kBF16 && !SupportsBf16()) continue;
      const Tensor x = Random(Shape{40, 2048}, compute, 2);
      const Tensor converted = *halves.To(compute, allocator);
      std::vector<Tensor> results;
      for (const Tensor& weight : {halves, converted}) {
        const auto packed = backend->PackLinear(weight, Tensor(), false, x, compute, allocator);
        ASSERT_TRUE(packed.ok()) << packed.status();
        const auto y = backend->Linear(**packed, x, {}, allocator);
        ASSERT_TRUE(y.ok()) << y.status();
        results.push_back(*y);
      }
      EXPECT_EQ(std::memcmp(results[0].raw(), results[1].raw(), results[0].bytes()), 0)
          << out << " " << Name(compute);
    }
  }
}

}  // namespace
}  // namespace weft
