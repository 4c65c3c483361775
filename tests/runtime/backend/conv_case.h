#ifndef WEFT_TESTS_RUNTIME_BACKEND_CONV_CASE_H_
#define WEFT_TESTS_RUNTIME_BACKEND_CONV_CASE_H_

#include <cmath>
#include <memory>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/backend/cpu/cpu_backend.h"
#include "tests/runtime/backend/reference.h"

// Convolutions of many shapes, for values and for 8-bit codes.
namespace weft {

struct ConvCase {
  const char* name;
  int64_t batch, h, w;
  std::vector<int64_t> sources;
  int64_t out, kernel, stride, pad_begin, pad_end;
  bool upsample = false;
};
inline std::ostream& operator<<(std::ostream& out, const ConvCase& c) { return out << c.name; }

// A case in f32 or bf16, with random pictures, weights and biases.
class ConvCaseTest : public testing::TestWithParam<std::tuple<ConvCase, DType>> {
 public:
  static std::string NameOf(const testing::TestParamInfo<ParamType>& of) {
    return std::string(std::get<0>(of.param).name) +
           (std::get<1>(of.param) == DType::kF32 ? "F32" : "BF16");
  }

 protected:
  void SetUp() override {
    const auto& [c, dtype] = GetParam();
    dtype_ = dtype;
    spec_ = {.in_channels = 0,
             .out_channels = c.out,
             .kernel = c.kernel,
             .stride = c.stride,
             .pad_begin = c.pad_begin,
             .pad_end = c.pad_end,
             .upsample = c.upsample};
    for (const int64_t channels : c.sources) {
      spec_.in_channels += channels;
      sources_.push_back(reference::Random(Shape{c.batch, c.h, c.w, channels}, dtype,
                                           static_cast<unsigned>(sources_.size()) + 1));
    }
    const double scale = 1 / std::sqrt(static_cast<double>(spec_.in_channels * c.kernel));
    weight_ =
        reference::Random(Shape{c.out, spec_.in_channels, c.kernel, c.kernel}, dtype, 10, scale);
    bias_ = reference::Random(Shape{c.out}, dtype, 11);
    const int64_t factor = c.upsample ? 2 : 1;
    const auto extent = [&](int64_t n) {
      return (n * factor + c.pad_begin + c.pad_end - c.kernel) / c.stride + 1;
    };
    output_ = Shape{c.batch, extent(c.h), extent(c.w), c.out};
  }
  // Everything that may follow a convolution.
  Epilogue Everything(Activation activation) const {
    Epilogue epilogue;
    epilogue.activation = activation;
    epilogue.per_channel = reference::Random(Shape{output_.dim(0), output_.dim(3)}, dtype_, 12);
    epilogue.residual = reference::Random(output_, dtype_, 13);
    return epilogue;
  }

  std::unique_ptr<Backend> backend_ = MakeCpuBackend();
  Allocator allocator_{Device::kCpu};
  DType dtype_ = DType::kF32;
  ConvSpec spec_;
  std::vector<Tensor> sources_;
  Tensor weight_, bias_;
  Shape output_;
  double tolerance_ = 0;  // of the largest value
};

}  // namespace weft

#endif  // WEFT_TESTS_RUNTIME_BACKEND_CONV_CASE_H_
