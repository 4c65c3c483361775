#include "runtime/ops/ops.h"

#include <cmath>
#include <cstring>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "runtime/backend/cpu/cpu_backend.h"
#include "runtime/backend/meta/meta_backend.h"
#include "tests/runtime/backend/reference.h"

namespace weft {
namespace {

using reference::Near;
using reference::Random;
using testing::HasSubstr;

// Tensors in memory, counting how often one is read.
class Memory : public WeightFile {
 public:
  const std::string& path() const override { return path_; }
  absl::StatusOr<Tensor> Read(size_t index) const override {
    ++reads;
    if (broken) return absl::DataLossError("the disk is gone");
    return tensors[index];
  }
  std::vector<Tensor> tensors;
  mutable std::atomic<int> reads{0};
  bool broken = false;

 private:
  std::string path_ = "memory.safetensors";
};

class OpsTest : public testing::Test {
 protected:
  Weight Add(const std::string& name, const Tensor& tensor) {
    file_->tensors.push_back(tensor);
    return Weight(file_, file_->tensors.size() - 1, name, tensor.dtype(), tensor.shape());
  }
  ConvWeights Conv(const std::string& name, int64_t in, int64_t out, int64_t kernel = 3) {
    ConvWeights conv;
    conv.spec.in_channels = in;
    conv.spec.out_channels = out;
    conv.spec.kernel = kernel;
    conv.spec.pad_begin = conv.spec.pad_end = kernel / 2;
    conv.weight =
        Add(name + ".weight", Random(Shape{out, in, kernel, kernel}, DType::kF32, 1, 0.1));
    conv.bias = Add(name + ".bias", Random(Shape{out}, DType::kF32, 2));
    return conv;
  }
  LinearWeights Linear(const std::string& name, int64_t in, int64_t out) {
    LinearWeights linear;
    linear.in = in;
    linear.out = out;
    linear.weights = {Add(name + ".weight", Random(Shape{out, in}, DType::kF32, 3, 0.1))};
    linear.biases = {Add(name + ".bias", Random(Shape{out}, DType::kF32, 4))};
    return linear;
  }
  NormWeights Norm(const std::string& name, int64_t channels) {
    NormWeights norm;
    norm.channels = channels;
    norm.gamma = Add(name + ".weight", Random(Shape{channels}, DType::kBF16, 5));
    norm.beta = Add(name + ".bias", Random(Shape{channels}, DType::kBF16, 6));
    return norm;
  }
  static Tensor Input(const Shape& shape, unsigned seed = 7) {
    return Random(shape, DType::kF32, seed);
  }
  std::string Error(Tensor result) {
    const auto finished = ops_.Finish(std::move(result));
    return finished.ok() ? "OK" : std::string(finished.status().message());
  }

  std::shared_ptr<Memory> file_ = std::make_shared<Memory>();
  std::unique_ptr<Backend> backend_ = MakeCpuBackend();
  std::unique_ptr<Backend> meta_ = MakeMetaBackend();
  Allocator allocator_{Device::kCpu};
  Ops ops_{*backend_, allocator_, DType::kF32};
};

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

TEST_F(OpsTest, SaysWhichConvolutionWantsHowManyChannels) {
  const ConvWeights conv = Conv("down_blocks.0.resnets.0.conv1", 640, 4, 1);
  EXPECT_EQ(Error(ops_.Conv2d(conv, {Input(Shape{1, 2, 2, 320})})),
            "conv2d down_blocks.0.resnets.0.conv1: input has 320 channels, the weight expects 640");
}

TEST_F(OpsTest, SaysThatConvolutionSourcesDoNotFitTogether) {
  const ConvWeights conv = Conv("skip", 8, 4);
  EXPECT_THAT(Error(ops_.Conv2d(conv, {Input(Shape{1, 4, 4, 4}), Input(Shape{1, 4, 5, 4})})),
              HasSubstr("conv2d skip: inputs [1, 4, 4, 4] and [1, 4, 5, 4] differ"));
}

TEST_F(OpsTest, SaysThatAPictureIsTooSmallForItsKernel) {
  ConvWeights conv = Conv("conv", 4, 4);
  conv.spec.pad_begin = conv.spec.pad_end = 0;
  EXPECT_THAT(Error(ops_.Conv2d(conv, {Input(Shape{1, 2, 2, 4})})),
              HasSubstr("conv2d conv: a picture of 2×2 is too small for a kernel of 3"));
}

TEST_F(OpsTest, RefusesAnEmptyPicture) {
  const ConvWeights conv = Conv("conv", 4, 4);
  EXPECT_THAT(Error(ops_.Conv2d(conv, {Input(Shape{0, 2, 2, 4})})),
              HasSubstr("[0, 2, 2, 4], which holds no values"));
}

TEST_F(OpsTest, SaysThatAResidualHasAnotherShape) {
  const ConvWeights conv = Conv("conv", 4, 4);
  Epilogue epilogue;
  epilogue.residual = Input(Shape{1, 3, 3, 4});
  EXPECT_EQ(Error(ops_.Conv2d(conv, {Input(Shape{1, 4, 4, 4})}, epilogue)),
            "conv2d conv: residual has shape [1, 3, 3, 4], the result has [1, 4, 4, 4]");
}

TEST_F(OpsTest, SaysThatAnAdditionPerChannelHasAnotherShape) {
  const LinearWeights linear = Linear("proj", 8, 16);
  Epilogue epilogue;
  epilogue.per_channel = Input(Shape{2, 8});
  EXPECT_EQ(Error(ops_.Linear(linear, Input(Shape{2, 4, 8}), epilogue)),
            "linear proj: per_channel has shape [2, 8], expected [2, 16]");
}

TEST_F(OpsTest, SaysThatAnInputHasAnotherTypeThanTheRun) {
  const LinearWeights linear = Linear("proj", 8, 16);
  EXPECT_EQ(Error(ops_.Linear(linear, Random(Shape{2, 8}, DType::kBF16, 1))),
            "linear proj: input is bf16, the run computes in f32");
}

TEST_F(OpsTest, SaysHowManyColumnsALinearLayerExpects) {
  const LinearWeights linear = Linear("mid_block.attentions.0.proj_in", 8, 16);
  EXPECT_EQ(Error(ops_.Linear(linear, Input(Shape{2, 7}))),
            "linear mid_block.attentions.0.proj_in: input has shape [2, 7], the weight expects 8 "
            "columns");
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

TEST_F(OpsTest, SaysThatStackedMatricesHaveTooFewRows) {
  LinearWeights linear = Linear("proj", 8, 16);
  linear.out = 24;
  EXPECT_EQ(Error(ops_.Linear(linear, Input(Shape{2, 8}))),
            "linear proj: the weights have 16 rows, expected 24");
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

TEST_F(OpsTest, SaysThatChannelsCannotBeDividedIntoGroups) {
  const NormWeights norm = Norm("conv_norm_out", 24);
  EXPECT_EQ(Error(ops_.GroupNorm(norm, {Input(Shape{1, 2, 2, 24})}, 32)),
            "group_norm conv_norm_out: 24 channels cannot be divided into 32 groups");
}

TEST_F(OpsTest, SaysHowWideALayerNormIs) {
  const NormWeights norm = Norm("norm1", 24);
  EXPECT_EQ(Error(ops_.LayerNorm(norm, Input(Shape{1, 2, 20}))),
            "layer_norm norm1: input has shape [1, 2, 20], the weight expects 24 columns");
}

TEST_F(OpsTest, SaysWhyAttentionIsImpossible) {
  const Tensor x = Input(Shape{1, 4, 24});
  const AttentionSpec spec{3, 1.0f, false};
  EXPECT_EQ(Error(ops_.Attention({x, 0, 8}, {x, 0, 8}, {x, 0, 8}, spec)),
            "attention: 8 columns of q cannot be divided into 3 heads");
  EXPECT_THAT(Error(ops_.Attention({x, 18, 9}, {x, 0, 9}, {x, 0, 9}, spec)),
              HasSubstr("attention: q is [1, 4, 24] columns 18 to 27, which reaches outside"));
  EXPECT_EQ(Error(ops_.Attention({x, 0, 9}, {x, 0, 12}, {x, 0, 12}, spec)),
            "attention: q has 9 columns, k has 12");
  EXPECT_EQ(Error(ops_.Attention({x, 0, 9}, {x, 0, 9}, {Input(Shape{1, 5, 9}), 0, 9}, spec)),
            "attention: k has 4 rows, v has 5");
  EXPECT_EQ(Error(ops_.Attention({x, 0, 9}, {x, 0, 9}, {x, 0, 9}, {3, -1.0f, false})),
            "attention: the scale must be positive, got -1");
}

TEST_F(OpsTest, KeepsTheFirstErrorAndComputesNothingAfterIt) {
  const ConvWeights conv = Conv("first", 4, 4);
  const LinearWeights linear = Linear("second", 8, 8);
  Tensor x = ops_.Conv2d(conv, {Input(Shape{1, 2, 2, 5})});
  EXPECT_TRUE(x.empty());
  x = ops_.Linear(linear, x);
  x = ops_.Add(x, x);
  EXPECT_THAT(Error(x), HasSubstr("conv2d first"));
  EXPECT_EQ(file_->reads, 0);
  EXPECT_TRUE(ops_.status().ok()) << "Finish clears the error";
  EXPECT_TRUE(ops_.Finish(ops_.Linear(linear, Input(Shape{2, 8}))).ok());
}

TEST_F(OpsTest, StopsAtTheNextOperationOnceCancelled) {
  std::atomic<bool> cancelled{false};
  Ops ops(*backend_, allocator_, DType::kF32, &cancelled);
  const LinearWeights linear = Linear("proj", 8, 8);
  const Tensor x = ops.Linear(linear, Input(Shape{2, 8}));
  EXPECT_FALSE(x.empty());
  cancelled = true;
  EXPECT_TRUE(ops.Linear(linear, x).empty());
  EXPECT_EQ(ops.Finish(x).status().code(), absl::StatusCode::kCancelled);
}

TEST_F(OpsTest, PassesOnTheErrorOfAWeightThatCannotBeRead) {
  const ConvWeights conv = Conv("conv_in", 4, 4);
  file_->broken = true;
  EXPECT_THAT(Error(ops_.Conv2d(conv, {Input(Shape{1, 4, 4, 4})})),
              testing::AllOf(HasSubstr("conv2d conv_in"), HasSubstr("the disk is gone")));
  file_->broken = false;
  EXPECT_TRUE(ops_.Finish(ops_.Conv2d(conv, {Input(Shape{1, 4, 4, 4})})).ok())
      << "a failed read must not be remembered";
}

TEST_F(OpsTest, SaysWhichValueOfWhichWeightIsNotFinite) {
  const auto with_nan = [&](Weight& weight) {
    file_->tensors[weight.index()].mutable_data<float>()[17] = std::nanf("");
  };
  for (const auto& keep : {std::shared_ptr<KeepBudget>(), std::make_shared<KeepBudget>(0)}) {
    Ops ops(*backend_, allocator_, DType::kF32, nullptr, keep);
    ConvWeights conv = Conv("down.0.conv1", 8, 16);
    with_nan(conv.weight);
    EXPECT_THAT(std::string(ops.Finish(ops.Conv2d(conv, {Input({1, 4, 4, 8})})).status().message()),
                HasSubstr("conv2d down.0.conv1: \"memory.safetensors\": tensor "
                          "\"down.0.conv1.weight\": holds NaN at element 17 of 1152"));
    LinearWeights linear = Linear("proj", 8, 16);
    with_nan(linear.weights[0]);
    EXPECT_THAT(std::string(ops.Finish(ops.Linear(linear, Input({1, 4, 8}))).status().message()),
                HasSubstr("tensor \"proj.weight\": holds NaN at element 17 of 128"));
  }
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

TEST_F(OpsTest, SaysThatAnIdIsOutsideOfTheTable) {
  const Weight table = Add("token_embedding.weight", Random(Shape{10, 6}, DType::kF32, 1));
  for (const int32_t id : {-1, 10}) {
    const std::vector<int32_t> ids = {id};
    EXPECT_EQ(Error(ops_.Embed({table}, Weight(), *Tensor::Of<int32_t>(Shape{1, 1}, ids))),
              absl::StrCat("embed token_embedding.weight: id ", id,
                           " is outside of the table's 10 rows"));
  }
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

TEST_F(OpsTest, DryRunHasTheSameErrors) {
  const Allocator dry(Device::kMeta);
  Ops ops(*meta_, dry, DType::kF32);
  const LinearWeights linear = Linear("proj", 8, 16);
  ops.Linear(linear, ops.OnDevice(Input(Shape{2, 7})));
  EXPECT_EQ(ops.status().message(),
            "linear proj: input has shape [2, 7], the weight expects 8 columns");
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
