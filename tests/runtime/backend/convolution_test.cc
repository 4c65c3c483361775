#include <cstring>
#include <tuple>

#include "runtime/backend/cpu/cpu_backend.h"
#include "tests/runtime/backend/reference.h"

namespace weft {
namespace {

using reference::Near;
using reference::Random;
using reference::Tolerance;

struct Case {
  const char* name;
  int64_t batch, h, w;
  std::vector<int64_t> sources;
  int64_t out, kernel, stride, pad_begin, pad_end;
  bool upsample = false;
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

const Case kCases[] = {
    {"Plain3x3", 2, 7, 9, {16}, 32, 3, 1, 1, 1},
    {"OddChannels", 1, 5, 6, {13}, 19, 3, 1, 1, 1},
    {"FewInputs", 2, 8, 8, {4}, 20, 3, 1, 1, 1},
    {"FewOutputs", 1, 8, 8, {24}, 3, 3, 1, 1, 1},
    {"OneByOne", 2, 6, 5, {36}, 52, 1, 1, 0, 0},
    {"OneByOneTiny", 1, 3, 3, {4}, 8, 1, 1, 0, 0},
    {"Strided", 2, 8, 8, {16}, 24, 3, 2, 1, 1},
    {"StridedUneven", 1, 8, 8, {16}, 24, 3, 2, 0, 1},
    {"StridedUnevenOddSize", 2, 7, 9, {5}, 16, 3, 2, 0, 1},
    {"TwoSources", 2, 6, 6, {16, 8}, 32, 3, 1, 1, 1},
    {"ThreeSourcesOneByOne", 2, 4, 4, {16, 7, 9}, 12, 1, 1, 0, 0},
    {"TwoSourcesLarge", 2, 32, 33, {6, 10}, 16, 3, 1, 1, 1},
    {"Large", 2, 33, 32, {8}, 16, 3, 1, 1, 1},
    {"Wide", 1, 4, 4, {320}, 64, 3, 1, 1, 1},
    {"OnePixel", 1, 1, 1, {16}, 16, 3, 1, 1, 1},
    {"Upsample", 2, 5, 7, {16}, 24, 3, 1, 1, 1, true},
    {"UpsampleOneByOne", 1, 4, 3, {8}, 8, 1, 1, 0, 0, true},
    {"Upsample5x5", 1, 6, 4, {8}, 8, 5, 1, 2, 2, true},
    {"Winograd", 2, 12, 14, {64}, 128, 3, 1, 1, 1},
    {"WinogradOddExtents", 2, 7, 9, {48}, 64, 3, 1, 1, 1},
    {"WinogradOddChannels", 1, 5, 6, {37}, 83, 3, 1, 1, 1},
    {"WinogradTwoSources", 2, 6, 6, {40, 24}, 32, 3, 1, 1, 1},
    {"WinogradTwoSourcesOfOddChannels", 2, 6, 5, {17, 19}, 40, 3, 1, 1, 1},
    {"WinogradOnePixel", 2, 1, 1, {32}, 32, 3, 1, 1, 1},
    {"WinogradManyChunks", 1, 30, 31, {256}, 32, 3, 1, 1, 1},
    {"WinogradUpsample", 2, 5, 7, {48}, 80, 3, 1, 1, 1, true},
    {"WinogradUpsampleTwoSourcesOfOddChannels", 1, 4, 3, {19, 20}, 36, 3, 1, 1, 1, true},
    {"DeepAndSoNotWinograd", 1, 4, 4, {1400}, 1024, 3, 1, 1, 1},
    {"UpsampleTwoSources", 2, 4, 4, {8, 8}, 16, 3, 1, 1, 1, true},
};

class Convolution : public testing::TestWithParam<std::tuple<Case, DType>> {
 protected:
  void SetUp() override {
    const auto& [c, dtype] = GetParam();
    dtype_ = dtype;
    spec_.in_channels = 0;
    for (const int64_t channels : c.sources) spec_.in_channels += channels;
    spec_.out_channels = c.out;
    spec_.kernel = c.kernel;
    spec_.stride = c.stride;
    spec_.pad_begin = c.pad_begin;
    spec_.pad_end = c.pad_end;
    spec_.upsample = c.upsample;
    unsigned seed = 1;
    for (const int64_t channels : c.sources) {
      sources_.push_back(Random(Shape{c.batch, c.h, c.w, channels}, dtype, seed++));
    }
    const double scale = 1 / std::sqrt(static_cast<double>(spec_.in_channels * c.kernel));
    weight_ = Random(Shape{c.out, spec_.in_channels, c.kernel, c.kernel}, dtype, 10, scale);
    bias_ = Random(Shape{c.out}, dtype, 11);
    const int64_t factor = c.upsample ? 2 : 1;
    const auto extent = [&](int64_t n) {
      return (n * factor + c.pad_begin + c.pad_end - c.kernel) / c.stride + 1;
    };
    output_ = Shape{c.batch, extent(c.h), extent(c.w), c.out};
    // The sums of taps of doubled pictures are rounded once more in bf16.
    tolerance_ = Tolerance(dtype) * (c.upsample && dtype == DType::kBF16 ? 1.5 : 1.0);
  }

  absl::StatusOr<Tensor> Run(const Tensor& bias, Epilogue epilogue) {
    auto packed = backend_->PackConv(spec_, weight_, bias, sources_, dtype_, allocator_);
    if (!packed.ok()) return packed.status();
    return backend_->Conv2d(**packed, sources_, std::move(epilogue), allocator_);
  }
  reference::Values Expected(const Tensor& bias, const Epilogue& epilogue) const {
    return reference::Conv2d(spec_, sources_, weight_, bias, epilogue, output_.dim(1),
                             output_.dim(2));
  }

  std::unique_ptr<Backend> backend_ = MakeCpuBackend();
  Allocator allocator_{Device::kCpu};
  DType dtype_ = DType::kF32;
  ConvSpec spec_;
  std::vector<Tensor> sources_;
  Tensor weight_, bias_;
  Shape output_;
  double tolerance_ = 0;
};

TEST_P(Convolution, MatchesTheDefinitionWithoutAnythingElse) {
  const auto y = Run(Tensor(), {});
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_TRUE(Near(*y, output_, Expected(Tensor(), {}), tolerance_));
}

TEST_P(Convolution, MatchesTheDefinitionWithBiasActivationPerChannelAndResidual) {
  for (const Activation activation : {Activation::kNone, Activation::kSilu, Activation::kGelu}) {
    Epilogue epilogue;
    epilogue.activation = activation;
    epilogue.per_channel = Random(Shape{output_.dim(0), output_.dim(3)}, dtype_, 12);
    epilogue.residual = Random(output_, dtype_, 13);
    const auto expected = Expected(bias_, epilogue);
    const auto y = Run(bias_, epilogue);
    ASSERT_TRUE(y.ok()) << y.status();
    EXPECT_TRUE(Near(*y, output_, expected, tolerance_)) << static_cast<int>(activation);
  }
}

TEST_P(Convolution, WritesIntoAResidualThatNobodyElseHolds) {
  const Tensor copy = Random(output_, dtype_, 14);
  Epilogue mine;
  mine.residual = Random(output_, dtype_, 14);
  const std::byte* memory = mine.residual.raw();
  Epilogue shared;
  shared.residual = copy;
  const auto expected = Expected(bias_, shared);
  const auto y = Run(bias_, std::move(mine));
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_TRUE(Near(*y, output_, expected, tolerance_));
  if (!spec_.upsample && (dtype_ == DType::kF32 || SupportsBf16())) {
    EXPECT_EQ(y->raw(), memory) << "the residual's memory was not used";
  }
}

TEST_P(Convolution, LeavesASharedResidualAndItsSourcesAlone) {
  const Tensor residual = Random(output_, dtype_, 15);
  const auto residual_before = reference::Of(residual);
  const auto source_before = reference::Of(sources_[0]);
  Epilogue epilogue;
  epilogue.residual = residual;
  ASSERT_TRUE(Run(bias_, epilogue).ok());
  EXPECT_EQ(reference::Of(residual), residual_before);
  EXPECT_EQ(reference::Of(sources_[0]), source_before);
}

INSTANTIATE_TEST_SUITE_P(Cpu, Convolution,
                         testing::Combine(testing::ValuesIn(kCases),
                                          testing::Values(DType::kF32, DType::kBF16)),
                         [](const auto& param_info) {
                           return std::string(std::get<0>(param_info.param).name) +
                                  (std::get<1>(param_info.param) == DType::kF32 ? "F32" : "BF16");
                         });

TEST(ConvolutionWeights, ServeOtherPictureSizesAndOtherSourcesThanTheFirst) {
  const auto backend = MakeCpuBackend();
  const Allocator allocator(Device::kCpu);
  ConvSpec spec;
  spec.in_channels = 48;
  spec.out_channels = 80;
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const Tensor weight = Random(Shape{80, 48, 3, 3}, dtype, 1, 0.05);
    const std::vector<Tensor> one = {Random(Shape{1, 4, 4, 48}, dtype, 2)};
    const auto packed = backend->PackConv(spec, weight, Tensor(), one, dtype, allocator);
    ASSERT_TRUE(packed.ok()) << packed.status();
    const std::vector<std::vector<Tensor>> uses = {
        {Random(Shape{2, 9, 5, 48}, dtype, 3)},
        {Random(Shape{1, 6, 6, 33}, dtype, 4), Random(Shape{1, 6, 6, 15}, dtype, 5)},
        {Random(Shape{1, 40, 40, 48}, dtype, 6)},
        {Random(Shape{1, 6, 6, 16}, dtype, 7), Random(Shape{1, 6, 6, 32}, dtype, 8)}};
    for (const auto& sources : uses) {
      const auto y = backend->Conv2d(**packed, sources, {}, allocator);
      ASSERT_TRUE(y.ok()) << y.status();
      const Shape shape{sources[0].dim(0), sources[0].dim(1), sources[0].dim(2), 80};
      EXPECT_TRUE(
          Near(*y, shape,
               reference::Conv2d(spec, sources, weight, Tensor(), {}, shape.dim(1), shape.dim(2)),
               Tolerance(dtype)));
    }
  }
}

TEST(ConvolutionWeights, AreReadInEveryStoredTypeAndFromAnyAddress) {
  const auto backend = MakeCpuBackend();
  const Allocator allocator(Device::kCpu);
  ConvSpec spec;
  spec.in_channels = 8;
  spec.out_channels = 16;
  const std::vector<Tensor> sources = {Random(Shape{1, 5, 5, 8}, DType::kF32, 1)};
  for (const DType stored : {DType::kF32, DType::kF16, DType::kBF16}) {
    const Tensor weight = Random(Shape{16, 8, 3, 3}, stored, 2, 0.1);
    std::vector<std::byte> file(weight.bytes() + 1);
    std::memcpy(file.data() + 1, weight.raw(), weight.bytes());
    const Tensor mapped = *Tensor::Window(Buffer::Foreign(file.data(), file.size(), nullptr), 1,
                                          stored, weight.shape());
    const auto expected = reference::Conv2d(spec, sources, weight, Tensor(), {}, 5, 5);
    for (const Tensor& given : {weight, mapped}) {
      const auto packed = backend->PackConv(spec, given, Tensor(), sources, DType::kF32, allocator);
      ASSERT_TRUE(packed.ok()) << packed.status();
      const auto y = backend->Conv2d(**packed, sources, {}, allocator);
      ASSERT_TRUE(y.ok()) << y.status();
      EXPECT_TRUE(Near(*y, Shape{1, 5, 5, 16}, expected, 1e-5)) << Name(stored);
    }
  }
}

TEST(ConvolutionWeights, PackTheSameBitsFromHalvesAsFromTheirConversion) {
  const auto backend = MakeCpuBackend();
  const Allocator allocator(Device::kCpu);
  ConvSpec spec;
  spec.in_channels = 960;
  spec.out_channels = 160;
  spec.kernel = 1;
  spec.pad_begin = spec.pad_end = 0;
  const Tensor halves = Random(Shape{160, 960, 1, 1}, DType::kF16, 1, 0.05);
  for (const DType compute : {DType::kF32, DType::kBF16}) {
    // Elsewhere bf16 is computed in f32, from the halves as they are.
    if (compute == DType::kBF16 && !SupportsBf16()) continue;
    const std::vector<Tensor> sources = {Random(Shape{1, 6, 6, 640}, compute, 2),
                                         Random(Shape{1, 6, 6, 320}, compute, 3)};
    std::vector<Tensor> results;
    for (const Tensor& weight : {halves, *halves.To(compute, allocator)}) {
      const auto packed = backend->PackConv(spec, weight, Tensor(), sources, compute, allocator);
      ASSERT_TRUE(packed.ok()) << packed.status();
      const auto y = backend->Conv2d(**packed, sources, {}, allocator);
      ASSERT_TRUE(y.ok()) << y.status();
      results.push_back(*y);
    }
    EXPECT_EQ(std::memcmp(results[0].raw(), results[1].raw(), results[0].bytes()), 0)
        << Name(compute);
  }
}

}  // namespace
}  // namespace weft
