#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/layers/affine.h"
#include "nodes/layers/attention.h"
#include "nodes/layers/resample.h"
#include "nodes/layers/resnet_block.h"
#include "nodes/layers/spread_rows.h"
#include "nodes/layers/timestep_embedding.h"
#include "runtime/base/rng.h"
#include "tests/nodes/models/golden.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor Random(Shape shape, uint64_t seed) {
  std::vector<float> values(static_cast<size_t>(shape.numel()));
  Rng(seed).Normal(absl::MakeSpan(values));
  return MadeOf(std::move(shape), values);
}

Scope Holding(absl::btree_map<std::string, Tensor> tensors) {
  return Scope(WeightStore::Of("layers.safetensors", std::move(tensors)));
}

Tensor Done(Ops& ops, Tensor x) {
  absl::StatusOr<Tensor> result = ops.Finish(std::move(x));
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : Tensor();
}

TEST(Linear, ReadsAMatrixAndAOneByOneConvolutionAlike) {
  const Tensor matrix = Random({6, 4}, 1);
  const Tensor bias = Random({6}, 2);
  const Tensor x = Random({2, 3, 5, 4}, 3);
  Ops ops = CpuOps();
  const Scope as_matrix = Holding({{"weight", matrix}, {"bias", bias}});
  const Scope as_convolution =
      Holding({{"weight", matrix.Reshape({6, 4, 1, 1}).value()}, {"bias", bias}});
  const Tensor a = Done(ops, Linear(as_matrix, 4, 6)(ops, x));
  const Tensor b = Done(ops, Linear(as_convolution, 4, 6)(ops, x));
  const Tensor c = Done(ops, Conv2d(as_convolution, 4, 6, 1)(ops, x));
  EXPECT_TRUE(as_matrix.status().ok());
  EXPECT_TRUE(as_convolution.status().ok());
  EXPECT_EQ(Distance(a, b), 0);
  EXPECT_LE(Distance(a, c), 1e-6);
}

TEST(Linear, MergesMatricesInTheOrderTheyAreGiven) {
  const Scope scope = Holding({{"q.weight", MadeOf({1, 1}, {1})},
                               {"k.weight", MadeOf({1, 1}, {2})},
                               {"v.weight", MadeOf({1, 1}, {3})}});
  const Linear merged =
      Linear::Merged({scope.Sub("q"), scope.Sub("k"), scope.Sub("v")}, 1, 1, Linear::Bias::kNo);
  Ops ops = CpuOps();
  const Tensor y = Done(ops, merged(ops, MadeOf({1, 1, 1}, {10})));
  EXPECT_THAT(y.span<float>(), ElementsAre(10, 20, 30));
}

class CrossAttentionTest : public ::testing::Test {
 protected:
  static constexpr int64_t kWidth = 8;
  static constexpr int64_t kText = 6;
  const Scope scope_ = Holding({{"to_q.weight", Random({kWidth, kWidth}, 1)},
                                {"to_k.weight", Random({kWidth, kText}, 2)},
                                {"to_v.weight", Random({kWidth, kText}, 3)},
                                {"to_out.0.weight", Random({kWidth, kWidth}, 4)},
                                {"to_out.0.bias", Random({kWidth}, 5)}});
  const CrossAttention attention_{
      scope_, kDiffusersAttention,
      AttentionConfig{.width = kWidth, .heads = 2, .head_width = kWidth / 2}, kText, 0};
  const Tensor x_ = Random({4, 5, kWidth}, 6);
  const Tensor first_ = Random({1, 3, kText}, 7);
  const Tensor second_ = Random({1, 9, kText}, 8);

  Tensor Run(const std::vector<Tensor>& texts, const Tensor& x) {
    Ops ops = CpuOps();
    CrossContext context{.layers = {{}}};
    for (const Tensor& text : texts) {
      context.layers[0].push_back(attention_.KeysAndValues(ops, text));
    }
    return Done(ops, attention_(ops, x, context, x));
  }
};

TEST_F(CrossAttentionTest, SharesOneTextBetweenAllPictures) {
  const Tensor all = Run({first_}, x_);
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_LE(Distance(*all.Rows(i, i + 1), Run({first_}, *x_.Rows(i, i + 1))), 1e-6);
  }
}

TEST_F(CrossAttentionTest, GivesEachSegmentItsShareOfTheBatch) {
  const Tensor all = Run({first_, second_}, x_);
  EXPECT_LE(Distance(*all.Rows(0, 2), Run({first_}, *x_.Rows(0, 2))), 1e-6);
  EXPECT_LE(Distance(*all.Rows(2, 4), Run({second_}, *x_.Rows(2, 4))), 1e-6);
}

TEST_F(CrossAttentionTest, RefusesABatchThatCannotBeShared) {
  Ops ops = CpuOps();
  CrossContext context{.layers = {{}}};
  for (int i = 0; i < 3; ++i) {
    context.layers[0].push_back(attention_.KeysAndValues(ops, first_));
  }
  const auto result = ops.Finish(attention_(ops, x_, context, x_));
  EXPECT_THAT(result.status().message(), HasSubstr("a batch of 4 cannot be shared by 3 texts"));
}

TEST(ResizeNearest, PicksAsTorchDoes) {
  Ops ops = CpuOps();
  // torch: F.interpolate(torch.tensor([[[[1., 2., 3.]]]]), size=(2, 5), mode="nearest")
  const Tensor x = MadeOf({1, 1, 3, 1}, {1, 2, 3});
  const Tensor y = Done(ops, ResizeNearest(ops, x, 2, 5));
  EXPECT_THAT(y.span<float>(), ElementsAre(1, 1, 2, 2, 3, 1, 1, 2, 2, 3));
}

TEST(Upsample, IsTheSameByEitherWay) {
  const Scope scope = Holding({{"weight", Random({2, 2, 3, 3}, 1)}, {"bias", Random({2}, 2)}});
  const Upsample upsample(scope, 2);
  Ops ops = CpuOps();
  const Tensor x = Random({1, 4, 3, 2}, 3);
  const Tensor doubled = Done(ops, upsample(ops, x));
  const Tensor resized = Done(ops, upsample.plain(ops, ResizeNearest(ops, x, 8, 6)));
  EXPECT_LE(Distance(doubled, resized), 1e-5);
}

TEST(ResnetBlock, TakesASkipConnectionBesideThePicture) {
  const ResnetConfig config{.in = 8, .out = 4, .groups = 2};
  const Scope scope = Holding({{"norm1.weight", Random({8}, 1)},
                               {"norm1.bias", Random({8}, 2)},
                               {"conv1.weight", Random({4, 8, 3, 3}, 3)},
                               {"conv1.bias", Random({4}, 4)},
                               {"norm2.weight", Random({4}, 5)},
                               {"norm2.bias", Random({4}, 6)},
                               {"conv2.weight", Random({4, 4, 3, 3}, 7)},
                               {"conv2.bias", Random({4}, 8)},
                               {"conv_shortcut.weight", Random({4, 8, 1, 1}, 9)},
                               {"conv_shortcut.bias", Random({4}, 10)}});
  const ResnetBlock block(scope, config);
  ASSERT_TRUE(scope.status().ok()) << scope.status();
  const Tensor x = Random({1, 3, 3, 5}, 11);
  const Tensor skip = Random({1, 3, 3, 3}, 12);
  std::vector<float> joined;
  for (int64_t i = 0; i < 9; ++i) {
    joined.insert(joined.end(), x.data<float>() + i * 5, x.data<float>() + i * 5 + 5);
    joined.insert(joined.end(), skip.data<float>() + i * 3, skip.data<float>() + i * 3 + 3);
  }
  Ops ops = CpuOps();
  const Tensor apart = Done(ops, block(ops, SideBySide(x, skip)));
  const Tensor together = Done(ops, block(ops, MadeOf({1, 3, 3, 8}, joined)));
  EXPECT_LE(Distance(apart, together), 1e-5);
}

TEST(SpreadRows, GivesEachRowAnEqualPartOfTheBatch) {
  Ops ops = CpuOps();
  const Tensor x = MadeOf({2, 1}, {1, 2});
  EXPECT_THAT(Done(ops, SpreadRows(ops, x, 4)).span<float>(), ElementsAre(1, 1, 2, 2));
  EXPECT_THAT(Done(ops, RepeatBatch(ops, x, 2)).span<float>(), ElementsAre(1, 2, 1, 2));
  EXPECT_THAT(ops.Finish(SpreadRows(ops, x, 3)).status().message(),
              HasSubstr("a batch of 3 cannot be shared by 2"));
}

TEST(Affine, ScalesThenShifts) {
  Ops ops = CpuOps();
  EXPECT_THAT(Done(ops, Affine(ops, MadeOf({2}, {1, -2}), 2, 0.5)).span<float>(),
              ElementsAre(2.5f, -3.5f));
}

TEST(AffineChannels, ScalesAndShiftsEachChannelByItsOwn) {
  Ops ops = CpuOps();
  const Tensor x = MadeOf({2, 2, 1, 1}, {1, 1, -1, 2});
  EXPECT_THAT(Done(ops, AffineChannels(ops, x, {2, 3}, {0, 0.5})).span<float>(),
              ElementsAre(2, 3.5f, -2, 6.5f));
}

}  // namespace
}  // namespace weft
