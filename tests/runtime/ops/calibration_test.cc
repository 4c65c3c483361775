#include "runtime/ops/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "runtime/backend/cpu/cpu_backend.h"
#include "tests/runtime/backend/reference.h"

namespace weft {
namespace {

using reference::Random;
using ::testing::HasSubstr;

constexpr int64_t kRows = 4000;  // of which some are kept as samples

// A network of one linear layer, "in", of 16 columns and 8 rows.
class CalibrationTest : public testing::Test {
 protected:
  CalibrationTest()
      : backend_(MakeCpuBackend()),
        store_(WeightStore::Of("model.safetensors",
                               {{"in.weight", Random(Shape{8, 16}, DType::kF32, 1)}})) {
    linear_.in = 16;
    linear_.out = 8;
    linear_.layer = "in";
    linear_.weights = {*store_->Find("in.weight")};
  }
  void SetUp() override {
    if (!backend_->HasInt8(DType::kF32)) GTEST_SKIP() << "no 8-bit products here";
  }

  // What is said of the layer where `input` goes in and `result` comes out, as it is read again.
  Int8Layer LayerOf(const Tensor& input, const Tensor& result) {
    Calibration calibration(*backend_, Int8Recipe());
    const auto look = [&] {
      const auto y = calibration.Linear(*store_, linear_, input, Epilogue(),
                                        [&](Epilogue) -> absl::StatusOr<Tensor> { return result; });
      EXPECT_TRUE(y.ok()) << y.status();
    };
    look();
    EXPECT_TRUE(calibration.Choose().ok());
    look();
    const auto tables = calibration.Tables();
    if (!tables.ok() || tables->size() != 1) {
      ADD_FAILURE() << tables.status();
      return {};
    }
    EXPECT_EQ(calibration.Paths(), std::vector<std::string>{"model.int8.json"});
    const auto read = ParseInt8Table((*tables)[0]->ToJson("1.0"), "model.int8.json");
    EXPECT_TRUE(read.ok()) << read.status();
    return read.ok() ? (*read)->layers.at("in") : Int8Layer();
  }
  // What the layer gives for it.
  Tensor ResultOf(const Tensor& input) {
    const Allocator here(Device::kCpu);
    const Tensor weight = *store_->Find("in.weight")->Read();
    const auto packed = *backend_->PackLinear(weight, Tensor(), false, input, DType::kF32, here);
    return *backend_->Linear(*packed, input, {}, here);
  }

  const std::unique_ptr<Backend> backend_;
  const std::shared_ptr<WeightStore> store_;
  LinearWeights linear_;
  const Tensor input_ = Random(Shape{kRows, 16}, DType::kF32, 2);
};

TEST_F(CalibrationTest, TakesALayerThatIsNearIn8Bits) {
  const Int8Layer layer = LayerOf(input_, ResultOf(input_));
  EXPECT_EQ(layer.kept, "");
  EXPECT_GT(layer.noise, 0.0);
  EXPECT_LT(layer.noise, 1e-3);
  EXPECT_EQ(layer.multiply_adds, kRows * 16.0 * 8);
}

TEST_F(CalibrationTest, KeepsALayerThatIsNot) {
  const Int8Layer layer = LayerOf(input_, Random(Shape{kRows, 8}, DType::kF32, 3));
  EXPECT_THAT(layer.kept, HasSubstr("noise above"));
  EXPECT_GT(layer.noise, 0.1);
}

TEST_F(CalibrationTest, KeepsALayerWhoseResultIsNotANumberOrNothing) {
  Tensor result = ResultOf(input_);
  result.mutable_data<float>()[5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(LayerOf(input_, result).kept, HasSubstr("noise above"));
  std::fill_n(result.mutable_data<float>(), result.numel(), 0.0f);
  EXPECT_THAT(LayerOf(input_, result).kept, HasSubstr("noise above"));
}

TEST_F(CalibrationTest, KeepsALayerWhoseInputIsNotFinite) {
  Tensor input = input_;
  const Tensor result = ResultOf(input_);
  input.mutable_data<float>()[7] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(LayerOf(input, result).kept, "values too large for 8 bits");
}

TEST_F(CalibrationTest, KeepsALayerWhoseSumsWouldNotFitIn32Bits) {
  const auto kept = [&](int64_t in) {
    const auto store = WeightStore::Of("model.safetensors",
                                       {{"long.weight", Random(Shape{1, in}, DType::kF32, 1)}});
    LinearWeights linear;
    linear.in = in;
    linear.out = 1;
    linear.layer = "long";
    linear.weights = {*store->Find("long.weight")};
    Calibration calibration(*backend_, Int8Recipe());
    const auto y = calibration.Linear(*store, linear, Random(Shape{32, in}, DType::kF32, 2),
                                      Epilogue(), [](Epilogue) -> absl::StatusOr<Tensor> {
                                        return Random(Shape{32, 1}, DType::kF32, 3);
                                      });
    EXPECT_TRUE(y.ok()) << y.status();
    return calibration.Tables().value()[0]->layers.at("long").kept;
  };
  EXPECT_EQ(kept(kMostInt8Products), "");
  EXPECT_EQ(kept(kMostInt8Products + 1), "sums too long for 8 bits");
}

}  // namespace
}  // namespace weft
