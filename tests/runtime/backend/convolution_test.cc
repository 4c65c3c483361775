#include <cstring>
#include <limits>

#include "tests/runtime/backend/conv_case.h"

namespace weft {
namespace {

using reference::Near;
using reference::Random;
using reference::Tolerance;

const ConvCase kCases[] = {
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

class Convolution : public ConvCaseTest {
 protected:
  void SetUp() override {
    ConvCaseTest::SetUp();
    // The sums of taps of doubled pictures are rounded once more in bf16.
    tolerance_ = Tolerance(dtype_) * (spec_.upsample && dtype_ == DType::kBF16 ? 1.5 : 1.0);
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
};

TEST_P(Convolution, MatchesTheDefinitionWithoutAnythingElse) {
  const auto y = Run(Tensor(), {});
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_TRUE(Near(*y, output_, Expected(Tensor(), {}), tolerance_));
}

TEST_P(Convolution, MatchesTheDefinitionWithBiasActivationPerChannelAndResidual) {
  for (const Activation activation : {Activation::kNone, Activation::kSilu, Activation::kGelu}) {
    const Epilogue epilogue = Everything(activation);
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

TEST_P(Convolution, GivesTheSameBitsWhereItsWeightsArePackedForOneUse) {
  const Epilogue epilogue = Everything(Activation::kSilu);
  const auto kept = Run(bias_, epilogue);
  ASSERT_TRUE(kept.ok()) << kept.status();
  const auto packed =
      backend_->PackConvForOneUse(spec_, weight_, bias_, sources_, dtype_, allocator_);
  ASSERT_TRUE(packed.ok()) << packed.status();
  for (int use = 0; use < 2; ++use) {  // a second one takes longer, no more
    const auto y = backend_->Conv2d(**packed, sources_, epilogue, allocator_);
    ASSERT_TRUE(y.ok()) << y.status();
    EXPECT_EQ(std::memcmp(y->raw(), kept->raw(), kept->bytes()), 0) << "use " << use;
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
                         ConvCaseTest::NameOf);

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

TEST(ConvolutionWeights, OfOneUseAreNeverThereTogether) {
  const auto backend = MakeCpuBackend();
  // Two sources, and a doubled picture, both with too many channels for Winograd's method.
  for (const bool doubled : {false, true}) {
    ConvSpec spec;
    spec.in_channels = 1280;
    spec.out_channels = 1024;
    spec.upsample = doubled;
    const Tensor weight = Random(Shape{1024, 1280, 3, 3}, DType::kF32, 1, 0.01);
    std::vector<Tensor> sources = {Random(Shape{1, 2, 2, 640}, DType::kF32, 2),
                                   Random(Shape{1, 2, 2, 640}, DType::kF32, 3)};
    if (doubled) sources = {Random(Shape{1, 2, 2, 1280}, DType::kF32, 4)};
    const Allocator allocator(Device::kCpu);
    const auto packed =
        backend->PackConvForOneUse(spec, weight, Tensor(), sources, DType::kF32, allocator);
    ASSERT_TRUE(packed.ok()) << packed.status();
    ASSERT_TRUE(backend->Conv2d(**packed, sources, {}, allocator).ok());
    const size_t part = weight.bytes() / (doubled ? 9 : 2) * (doubled ? 4 : 1);
    EXPECT_GE(allocator.meter()->peak(), part);
    EXPECT_LT(allocator.meter()->peak(), part + part / 4) << (doubled ? "doubled" : "two sources");
    EXPECT_EQ(allocator.meter()->live(), 0u);
  }
}

TEST(ConvolutionWeights, ThatAreNotFiniteAreRefused) {
  const auto backend = MakeCpuBackend();
  const Allocator allocator(Device::kCpu);
  ConvSpec spec;
  spec.out_channels = 40;
  for (const int64_t channels : {20, 36}) {  // by oneDNN, by Winograd's method
    spec.in_channels = channels;
    const std::vector<Tensor> sources = {Random(Shape{1, 4, 4, channels}, DType::kF32, 1)};
    Tensor weight = Random(Shape{40, channels, 3, 3}, DType::kF32, 2);
    weight.mutable_data<float>()[weight.numel() - 2] = std::numeric_limits<float>::infinity();
    for (const DType stored : {DType::kF32, DType::kF16, DType::kBF16}) {
      const Tensor given = *weight.To(stored, allocator);
      EXPECT_TRUE(absl::IsDataLoss(
          backend->PackConv(spec, given, Tensor(), sources, DType::kF32, allocator).status()))
          << channels << " channels in " << Name(stored);
      if (!backend->HasInt8(DType::kF32)) continue;
      Int8Input input;
      input.scale.assign(static_cast<size_t>(channels), 0.1f);
      input.zero.assign(static_cast<size_t>(channels), 128);
      EXPECT_TRUE(absl::IsDataLoss(
          backend->PackConvInt8(spec, given, Tensor(), input, sources, DType::kF32, allocator)
              .status()))
          << channels << " channels in codes of " << Name(stored);
    }
  }
}

}  // namespace
}  // namespace weft
