#ifndef WEFT_TESTS_RUNTIME_OPS_OPS_FIXTURE_H_
#define WEFT_TESTS_RUNTIME_OPS_OPS_FIXTURE_H_

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/backend/cpu/cpu_backend.h"
#include "runtime/backend/meta/meta_backend.h"
#include "runtime/ops/ops.h"
#include "tests/runtime/backend/reference.h"

namespace weft {

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
    conv.weight = Add(name + ".weight",
                      reference::Random(Shape{out, in, kernel, kernel}, DType::kF32, 1, 0.1));
    conv.bias = Add(name + ".bias", reference::Random(Shape{out}, DType::kF32, 2));
    return conv;
  }
  LinearWeights Linear(const std::string& name, int64_t in, int64_t out) {
    LinearWeights linear;
    linear.in = in;
    linear.out = out;
    linear.weights = {
        Add(name + ".weight", reference::Random(Shape{out, in}, DType::kF32, 3, 0.1))};
    linear.biases = {Add(name + ".bias", reference::Random(Shape{out}, DType::kF32, 4))};
    return linear;
  }
  NormWeights Norm(const std::string& name, int64_t channels) {
    NormWeights norm;
    norm.channels = channels;
    norm.gamma = Add(name + ".weight", reference::Random(Shape{channels}, DType::kBF16, 5));
    norm.beta = Add(name + ".bias", reference::Random(Shape{channels}, DType::kBF16, 6));
    return norm;
  }
  static Tensor Input(const Shape& shape, unsigned seed = 7) {
    return reference::Random(shape, DType::kF32, seed);
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

}  // namespace weft

#endif  // WEFT_TESTS_RUNTIME_OPS_OPS_FIXTURE_H_
