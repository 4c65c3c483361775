// The recipe for 8 bits on a random network into which outlier channels have been planted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "absl/strings/match.h"
#include "nodes/models/parts.h"
#include "runtime/base/rng.h"
#include "runtime/ops/calibration.h"
#include "tests/nodes/models/golden.h"

namespace weft {
namespace {

// Of an untrained network; SD 1.5's, with more and wider layers, came to 0.9995, with outliers and
// without.
constexpr double kLeastCosine = 0.998;
// Of a size where sums are as long as in models that people use.
const std::string& Model() {
  static const auto* path =
      new std::string(std::string(WEFT_SOURCE_DIR) + "/examples/models/sketch/unet");
  return *path;
}

Tensor Noise(Shape shape, uint64_t seed) {
  std::vector<float> values(static_cast<size_t>(shape.numel()));
  Rng(seed).Normal(absl::MakeSpan(values));
  return MadeOf(std::move(shape), values);
}

// Random weights of a network's names and shapes, of the sizes that PyTorch begins with.
std::shared_ptr<WeightStore> WithRandomWeights(const WeightStore& store) {
  absl::btree_map<std::string, Tensor> tensors;
  uint64_t seed = 0;
  for (const auto& [name, weight] : store.weights()) {
    const Shape& shape = weight.shape();
    Tensor values = Noise(shape, ++seed);
    const bool matrix = shape.rank() > 1;
    const double inputs = static_cast<double>(shape.numel()) / static_cast<double>(shape.dim(0));
    const double size = matrix ? 1.0 / std::sqrt(3.0 * inputs) : 0.05;
    const double middle = !matrix && absl::EndsWith(name, ".weight") ? 1.0 : 0.0;  // of a norm
    for (int64_t i = 0; i < values.numel(); ++i) {
      float& value = values.mutable_data<float>()[i];
      value = static_cast<float>(middle + size * static_cast<double>(value));
    }
    tensors.emplace(name, std::move(values));
  }
  return WeightStore::Of(store.path(), std::move(tensors));
}

// The network's weights, with a few channels of every norm that a layer of 8 bits reads made
// `factor` times as large; the layer's weights for them are as much smaller, so that what an
// outlier hides still counts.
std::shared_ptr<WeightStore> WithOutliers(const WeightStore& store, float factor) {
  absl::btree_map<std::string, Tensor> tensors;
  for (const auto& [name, weight] : store.weights()) {
    Tensor read = weight.Read().value();
    Tensor copy = Tensor::Allocate(Allocator(Device::kCpu), DType::kF32, read.shape()).value();
    ConvertElements(read.raw(), read.dtype(), copy.mutable_data<float>(), DType::kF32,
                    read.numel());
    tensors.emplace(name, std::move(copy));
  }
  const auto scale_columns = [&](const std::string& name, int64_t channel) {
    Tensor& weight = tensors.at(name);
    const int64_t taps = weight.numel() / weight.dim(0) / weight.dim(1);
    for (int64_t o = 0; o < weight.dim(0); ++o) {
      for (int64_t t = 0; t < taps; ++t) {
        weight.mutable_data<float>()[(o * weight.dim(1) + channel) * taps + t] /= factor;
      }
    }
  };
  const std::pair<std::string, std::vector<std::string>> readers[] = {
      {"norm1", {"attn1.to_q", "attn1.to_k", "attn1.to_v", "conv1"}},
      {"norm2", {"attn2.to_q", "conv2"}},
      {"norm3", {"ff.net.0.proj"}}};
  for (const auto& [norm, layers] : readers) {
    for (const auto& [name, weight] : store.weights()) {
      if (!absl::EndsWith(name, "." + norm + ".weight")) continue;
      const std::string block = name.substr(0, name.size() - norm.size() - 7);
      for (const int64_t channel : {3, 11}) {
        tensors.at(name).mutable_data<float>()[channel] *= factor;
        tensors.at(block + norm + ".bias").mutable_data<float>()[channel] *= factor;
        for (const std::string& layer : layers) {
          if (store.Find(block + layer + ".weight") == nullptr) continue;
          scale_columns(block + layer + ".weight", channel);
        }
      }
    }
  }
  return WeightStore::Of(store.path(), std::move(tensors));
}

class UnetInt8 : public ::testing::TestWithParam<float> {
 protected:
  void SetUp() override {
    if (!CpuForTests().HasInt8(DType::kF32)) GTEST_SKIP() << "no 8-bit products here";
    const auto sketch = Unet::Load(Model()).value();
    config_ = sketch->network().config();
    store_ = WithOutliers(*WithRandomWeights(*sketch->store()), GetParam());
    bound_ = BindNetwork<UnetNetwork>(config_, store_).value();
  }

  Tensor Predict(Ops& ops, const Bound<UnetNetwork>& bound, bool int8, double timestep,
                 uint64_t seed) {
    const UnetNetwork& network = bound.network;
    UnetCondition condition{.context = network.EmptyContext()};
    network.AddSegment(ops, Noise({2, 77, config_.context_width}, seed + 100), condition.context);
    const Tensor pictures[] = {Noise({2, config_.in_channels, 16, 16}, seed)};
    ops.BeginNetwork(bound.store, int8);
    return ops.Finish(network(ops, pictures, timestep, condition)).value();
  }

  // The table that the recipe makes from a few steps.
  std::shared_ptr<Int8Table> Calibrated() {
    Calibration calibration(CpuForTests(), Int8Recipe());
    CpuForTests().set_observer(&calibration);
    for (const bool noise : {false, true}) {
      for (const double timestep : {999.0, 700.0, 400.0, 100.0}) {
        Ops ops = CpuOps();
        Predict(ops, *bound_, false, timestep, 1);
      }
      if (!noise) {
        EXPECT_TRUE(calibration.Choose().ok());
      }
    }
    CpuForTests().set_observer(nullptr);
    return calibration.Tables().value().at(0);
  }

  UnetConfig config_;
  std::shared_ptr<WeightStore> store_;
  std::shared_ptr<const Bound<UnetNetwork>> bound_;
};

TEST_P(UnetInt8, StaysNearF32WithOneRecipe) {
  const std::shared_ptr<Int8Table> table = Calibrated();
  EXPECT_GE(table->Share(), 0.65);
  RecordProperty("share", absl::StrCat(table->Share()));
  const auto bound =
      BindNetwork<UnetNetwork>(config_, store_->WithInt8(std::make_shared<Int8Table>(*table)))
          .value();
  for (const DType compute : {DType::kF32, DType::kBF16}) {
    if (!CpuForTests().HasInt8(compute)) continue;
    for (const double timestep : {950.0, 500.0, 50.0}) {  // not those of the calibration
      Ops exact = CpuOps();
      const Tensor wanted = Predict(exact, *bound_, false, timestep, 7);
      Ops ops = CpuOps(compute);
      const Tensor got = Predict(ops, *bound, true, timestep, 7);
      EXPECT_GE(Cosine(got, wanted), kLeastCosine) << Name(compute) << " at " << timestep;
      EXPECT_LT(Cosine(got, wanted), 1.0 - 1e-7) << "this cannot have been 8 bits";
      SetThreads(1);
      Ops one = CpuOps(compute);
      EXPECT_EQ(Distance(Predict(one, *bound, true, timestep, 7), got), 0) << "with one thread";
      SetThreads(0);
      Ops dry = MetaOps(compute);
      EXPECT_EQ(Predict(dry, *bound, true, timestep, 7).shape(), wanted.shape());
    }
  }
}

TEST_P(UnetInt8, ComputesAsBeforeInStepsThatAreNotIn8Bits) {
  const std::shared_ptr<Int8Table> table = Calibrated();
  const auto bound =
      BindNetwork<UnetNetwork>(config_, store_->WithInt8(std::make_shared<Int8Table>(*table)))
          .value();
  Ops exact = CpuOps();
  const Tensor wanted = Predict(exact, *bound_, false, 500, 7);
  Ops ops = CpuOps();
  EXPECT_EQ(Distance(Predict(ops, *bound, false, 500, 7), wanted), 0);
}

INSTANTIATE_TEST_SUITE_P(Outliers, UnetInt8, ::testing::Values(1.0f, 64.0f), [](const auto& of) {
  return "Of" + std::to_string(static_cast<int>(of.param)) + "Times";
});

}  // namespace
}  // namespace weft
