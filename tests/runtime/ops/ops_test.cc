#include "runtime/ops/ops.h"

#include <cmath>
#include <thread>

#include "gmock/gmock.h"
#include "tests/runtime/ops/ops_fixture.h"

namespace weft {
namespace {

using reference::Near;
using reference::Random;
using testing::HasSubstr;

TEST_F(OpsTest, ConvolvesWithPackedWeightsThatAreReadOnce) {
  const ConvWeights conv = Conv("conv", 8, 16);
  const Tensor x = Input(Shape{1, 6, 6, 8});
  for (int i = 0; i < 3; ++i) {
    const auto y = ops_.Finish(ops_.Conv2d(conv, {x}));
    ASSERT_TRUE(y.ok()) << y.status();
    EXPECT_TRUE(Near(
        *y, Shape{1, 6, 6, 16},
        reference::Conv2d(conv.spec, {x}, file_->tensors[0], file_->tensors[1], {}, 6, 6), 1e-5));
  }
  EXPECT_EQ(file_->reads, 2) << "weight and bias, once each";
}

TEST_F(OpsTest, StacksSeveralMatricesIntoOneLinearLayer) {
  LinearWeights qkv;
  qkv.in = 24;
  qkv.out = 40;
  const Tensor q = Random(Shape{24, 24}, DType::kF32, 1), k = Random(Shape{16, 24}, DType::kF16, 2);
  qkv.weights = {Add("to_q.weight", q), Add("to_k.weight", k)};
  const Tensor x = Input(Shape{5, 24});
  const auto y = ops_.Finish(ops_.Linear(qkv, x));
  ASSERT_TRUE(y.ok()) << y.status();
  const auto top = reference::Linear(x, q, Tensor(), {}, false);
  const auto bottom = reference::Linear(x, k, Tensor(), {}, false);
  reference::Values expected;
  for (size_t r = 0; r < 5; ++r) {
    expected.insert(expected.end(), top.begin() + static_cast<int64_t>(r * 24),
                    top.begin() + static_cast<int64_t>((r + 1) * 24));
    expected.insert(expected.end(), bottom.begin() + static_cast<int64_t>(r * 16),
                    bottom.begin() + static_cast<int64_t>((r + 1) * 16));
  }
  EXPECT_TRUE(Near(*y, Shape{5, 40}, expected, 1e-5));
}

TEST_F(OpsTest, TakesAOneByOneConvolutionAsALinearLayer) {
  LinearWeights linear;
  linear.in = 8;
  linear.out = 12;
  const Tensor weight = Random(Shape{12, 8, 1, 1}, DType::kF32, 1);
  linear.weights = {Add("proj_in.weight", weight)};
  const Tensor x = Input(Shape{2, 3, 4, 8});
  const auto y = ops_.Finish(ops_.Linear(linear, x));
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_TRUE(Near(*y, Shape{2, 3, 4, 12},
                   reference::Linear(x, *weight.Reshape(Shape{12, 8}), Tensor(), {}, false), 1e-5));
}

TEST_F(OpsTest, GatesALinearLayerToHalfItsRows) {
  LinearWeights linear = Linear("ff", 8, 32);
  linear.gated = true;
  Epilogue epilogue;
  epilogue.activation = Activation::kGelu;
  const Tensor x = Input(Shape{5, 8});
  const auto y = ops_.Finish(ops_.Linear(linear, x, epilogue));
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_TRUE(Near(*y, Shape{5, 16},
                   reference::Linear(x, file_->tensors[0], file_->tensors[1], epilogue, true),
                   1e-5));
}

TEST_F(OpsTest, NormalisesWithWeightsOfAnotherType) {
  const NormWeights norm = Norm("norm", 24);
  const Tensor x = Input(Shape{2, 4, 4, 24});
  const auto y = ops_.Finish(ops_.GroupNorm(norm, {x}, 6, Activation::kSilu));
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_TRUE(Near(
      *y, x.shape(),
      reference::GroupNorm({x}, file_->tensors[0], file_->tensors[1], 6, 1e-5, Activation::kSilu),
      1e-5));
}

TEST_F(OpsTest, EmbedsIdsAndPositions) {
  const Weight table = Add("token_embedding.weight", Random(Shape{10, 6}, DType::kF16, 1));
  const Weight positions = Add("position_embedding.weight", Random(Shape{4, 6}, DType::kF32, 2));
  const std::vector<int32_t> ids = {3, 0, 9, 9, 1, 2};
  const auto y =
      ops_.Finish(ops_.Embed({table}, positions, *Tensor::Of<int32_t>(Shape{2, 3}, ids)));
  ASSERT_TRUE(y.ok()) << y.status();
  const auto words = reference::Of(file_->tensors[0]);
  const auto places = reference::Of(file_->tensors[1]);
  reference::Values expected;
  for (size_t i = 0; i < 6; ++i) {
    for (size_t c = 0; c < 6; ++c) {
      expected.push_back(words[static_cast<size_t>(ids[i]) * 6 + c] + places[i % 3 * 6 + c]);
    }
  }
  EXPECT_TRUE(Near(*y, Shape{2, 3, 6}, expected, 1e-6));
}

TEST_F(OpsTest, MakesSinesAndCosinesOfAValue) {
  // Frequencies 1 and 1/100 (10000^(-1/2)), cosines first where flipped.
  const auto y = ops_.Finish(ops_.Sinusoid({981.0}, 4, true, 0));
  ASSERT_TRUE(y.ok()) << y.status();
  const reference::Values expected = {std::cos(981.0), std::cos(9.81), std::sin(981.0),
                                      std::sin(9.81)};
  EXPECT_TRUE(Near(*y, Shape{1, 4}, expected, 1e-5));
  const auto plain = ops_.Finish(ops_.Sinusoid({981.0}, 4, false, 1));
  ASSERT_TRUE(plain.ok()) << plain.status();
  const reference::Values shifted = {std::sin(981.0), std::sin(0.0981), std::cos(981.0),
                                     std::cos(0.0981)};
  EXPECT_TRUE(Near(*plain, Shape{1, 4}, shifted, 1e-5));
}

TEST_F(OpsTest, StacksAndTakesRowsOfAnyType) {
  const std::vector<int64_t> a = {1, 2}, b = {3, 4, 5, 6};
  const Tensor one = *Tensor::Of<int64_t>(Shape{1, 2}, a),
               two = *Tensor::Of<int64_t>(Shape{2, 2}, b);
  const Tensor all = ops_.Stack({one, two});
  const auto row = ops_.Finish(ops_.Rows(all, 1, 2));
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_THAT(all.span<int64_t>(), testing::ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(row->span<int64_t>(), testing::ElementsAre(3, 4));
  EXPECT_THAT(Error(ops_.Stack({one, Input(Shape{1, 2})})), HasSubstr("stack: i64 [1, 2] and f32"));
  EXPECT_THAT(Error(ops_.Rows(all, 2, 4)), HasSubstr("rows 2 to 4"));
}

TEST_F(OpsTest, DryRunYieldsShapesAndReadsNoWeights) {
  const Allocator dry(Device::kMeta);
  Ops ops(*meta_, dry, DType::kBF16);
  const ConvWeights conv = Conv("conv", 4, 32);
  const NormWeights norm = Norm("norm", 32);
  const LinearWeights linear = Linear("qkv", 32, 96);
  Tensor x = ops.ToChannelsLast(Input(Shape{2, 4, 8, 8}));
  x = ops.Conv2d(conv, {x});
  x = ops.GroupNorm(norm, {x}, 8, Activation::kSilu);
  x = ops.Reshape(x, Shape{2, 64, 32});
  x = ops.Linear(linear, ops.LayerNorm(norm, x));
  x = ops.Attention({x, 0, 32}, {x, 32, 32}, {x, 64, 32}, {4, 0.5f, false});
  x = ops.ToChannelsFirst(ops.Reshape(ops.Activate(x, Activation::kSilu), Shape{2, 8, 8, 32}));
  const auto y = ops.Finish(x);
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_TRUE(y->is_meta());
  EXPECT_EQ(y->shape(), (Shape{2, 32, 8, 8}));
  EXPECT_EQ(y->dtype(), DType::kF32);
  EXPECT_EQ(file_->reads, 0);
}

TEST_F(OpsTest, EveryDryRunCountsTheWeightsAgain) {
  const LinearWeights linear = Linear("proj", 64, 64);
  size_t peaks[2];
  for (size_t& peak : peaks) {
    const Allocator dry(Device::kMeta);
    Ops ops(*meta_, dry, DType::kF32);
    ASSERT_TRUE(ops.Finish(ops.Linear(linear, ops.OnDevice(Input(Shape{2, 64})))).ok());
    peak = dry.meter()->peak();
  }
  EXPECT_GE(peaks[0], 64u * 64u * 4u);
  EXPECT_EQ(peaks[0], peaks[1]);
}

TEST_F(OpsTest, PacksOnceWhenSeveralThreadsAskAtOnce) {
  const LinearWeights linear = Linear("proj", 32, 32);
  const Tensor x = Input(Shape{4, 32});
  std::vector<Tensor> results(4);
  std::vector<std::thread> threads;
  for (Tensor& result : results) {
    threads.emplace_back([&] {
      Ops ops(*backend_, allocator_, DType::kF32);
      result = ops.Linear(linear, x);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(file_->reads, 2);
  for (const Tensor& result : results) {
    ASSERT_FALSE(result.empty());
    EXPECT_EQ(reference::Of(result), reference::Of(results[0]));
  }
}

}  // namespace
}  // namespace weft
