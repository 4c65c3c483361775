// Layers in 8 bits against whole-number arithmetic: codes of the input and of the weight are made
// here by their definitions, and the products of what they stand for are summed in double.
#include <cstring>

#include "runtime/backend/cpu/kernels/quantize.h"
#include "tests/runtime/backend/conv_case.h"

namespace weft {
namespace {

using reference::Near;
using reference::Random;
using reference::Tolerance;

// Scales that differ by channel, zeros that differ by half of the channels.
Int8Input InputFor(int64_t channels) {
  Int8Input input;
  for (int64_t c = 0; c < channels; ++c) {
    input.scale.push_back(0.02f * static_cast<float>(1 + c % 5));
    input.zero.push_back(c < channels / 2 ? 120 : 131);
  }
  return input;
}

int64_t CodeOf(double x, float scale, uint8_t zero) {
  const float inverse = 1.0f / scale;
  const double code = std::nearbyint(
      static_cast<double>(std::fma(static_cast<float>(x), inverse, static_cast<float>(zero))));
  return static_cast<int64_t>(std::min(std::max(code, 0.0), 255.0));
}

// What the codes of x stand for, x [.., channels] beginning at channel `first` of the input.
Tensor Rounded(const Tensor& x, const Int8Input& input, int64_t first = 0) {
  std::vector<float> values;
  const reference::Values from = reference::Of(x);
  for (size_t i = 0; i < from.size(); ++i) {
    const size_t c = static_cast<size_t>(first) + i % static_cast<size_t>(x.dim(-1));
    const int64_t code = CodeOf(from[i], input.scale[c], input.zero[c]);
    values.push_back(static_cast<float>(code - input.zero[c]) * input.scale[c]);
  }
  return *Tensor::Of<float>(x.shape(), values);
}

// What the codes of a weight [out, in, ..] stand for: with the scale of the input's channel, each
// row in steps of its largest value over 127.
Tensor RoundedWeight(const Tensor& weight, const Int8Input& input) {
  const reference::Values from = reference::Of(weight);
  const auto rows = static_cast<size_t>(weight.dim(0));
  const size_t length = from.size() / rows;
  const size_t taps = length / input.scale.size();
  std::vector<float> values(from.size());
  for (size_t r = 0; r < rows; ++r) {
    float largest = 0;
    for (size_t i = 0; i < length; ++i) {
      largest = std::max(
          largest, std::abs(static_cast<float>(from[r * length + i]) * input.scale[i / taps]));
    }
    const float step = largest > 0 ? largest / 127.0f : 1.0f;
    for (size_t i = 0; i < length; ++i) {
      const float scale = input.scale[i / taps];
      const float code =
          std::nearbyint(static_cast<float>(from[r * length + i]) * scale * (1.0f / step));
      values[r * length + i] = code * step / scale;
    }
  }
  return *Tensor::Of<float>(weight.shape(), values);
}

TEST(Int8Kernel, MakesCodesOfEveryLengthAndHoldsThemWithinABytesRange) {
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    for (const int64_t channels : {1, 7, 16, 33, 320}) {
      const Int8Input input = InputFor(channels);
      const Tensor x = Random(Shape{5, channels}, dtype, 3, 4.0);
      std::vector<uint8_t> codes(static_cast<size_t>(5 * (channels + 3)), 77);
      cpu::QuantizeRows(x.raw(), dtype, 5, 0, channels, cpu::CodeMaker(input), codes.data(),
                        channels + 3);
      const reference::Values values = reference::Of(x);
      for (int64_t r = 0; r < 5; ++r) {
        for (int64_t c = 0; c < channels + 3; ++c) {
          const auto at = static_cast<size_t>(c);
          const int64_t expected = c < channels
                                       ? CodeOf(values[static_cast<size_t>(r * channels + c)],
                                                input.scale[at], input.zero[at])
                                       : 77;
          EXPECT_NEAR(codes[static_cast<size_t>(r * (channels + 3) + c)], expected,
                      c < channels ? 1 : 0)
              << channels << " channels, row " << r << ", column " << c;
        }
      }
    }
  }
}

TEST(Int8Kernel, TellsRowsOfNextToNothingAsZeros) {
  constexpr int64_t kLength = 37;
  std::vector<float> row(kLength, 0.0f);
  const std::vector<float> factor(kLength, 1.0f), zero(kLength, 128.0f);
  for (const float size : {1e-45f, 1e-40f, 1e-37f}) {
    row[3] = size;
    row[36] = -size;
    std::vector<int8_t> codes(kLength, 77);
    const float scale = cpu::WeightScale(cpu::LargestWeight(row.data(), kLength, factor.data()));
    EXPECT_EQ(scale, 1.0f);
    EXPECT_EQ(
        cpu::WeightCodes(row.data(), kLength, factor.data(), zero.data(), scale, codes.data()), 0);
    EXPECT_EQ(codes, std::vector<int8_t>(kLength, 0)) << size;
  }
}

TEST(Int8Kernel, FramesPicturesWithTheCodeOfNothing) {
  const Int8Input input = InputFor(6);
  const Tensor x = Random(Shape{2, 3, 4, 6}, DType::kF32, 3);
  const cpu::CodeFrame frame{.batch = 2,
                             .height = 3,
                             .width = 4,
                             .channels = 6,
                             .top = 1,
                             .left = 2,
                             .bottom = 0,
                             .right = 1};
  std::vector<uint8_t> codes(static_cast<size_t>(frame.bytes()), 0);
  cpu::QuantizePictures(x.raw(), DType::kF32, frame, 0, 6, cpu::CodeMaker(input), codes.data());
  const reference::Values values = reference::Of(x);
  for (int64_t b = 0; b < 2; ++b) {
    for (int64_t i = 0; i < 4; ++i) {
      for (int64_t j = 0; j < 7; ++j) {
        for (int64_t c = 0; c < 6; ++c) {
          const auto channel = static_cast<size_t>(c);
          const bool inside = i >= 1 && j >= 2 && j < 6;
          const int64_t expected =
              inside ? CodeOf(values[static_cast<size_t>(((b * 3 + i - 1) * 4 + j - 2) * 6 + c)],
                              input.scale[channel], input.zero[channel])
                     : input.zero[channel];
          EXPECT_EQ(codes[static_cast<size_t>(((b * 4 + i) * 7 + j) * 6 + c)], expected)
              << b << " " << i << " " << j << " " << c;
        }
      }
    }
  }
}

const ConvCase kCases[] = {
    {"Plain3x3", 2, 7, 9, {16}, 32, 3, 1, 1, 1},
    {"OddChannels", 1, 5, 6, {13}, 19, 3, 1, 1, 1},
    {"OneByOne", 2, 6, 5, {36}, 52, 1, 1, 0, 0},
    {"Strided", 2, 8, 8, {16}, 24, 3, 2, 1, 1},
    {"StridedUneven", 2, 7, 9, {16}, 24, 3, 2, 0, 1},
    {"TwoSources", 2, 6, 6, {16, 8}, 32, 3, 1, 1, 1},
    {"ThreeSourcesOneByOne", 2, 4, 4, {16, 7, 9}, 12, 1, 1, 0, 0},
    {"Large", 2, 33, 32, {8}, 16, 3, 1, 1, 1},
    {"Wide", 1, 4, 4, {320}, 192, 3, 1, 1, 1},
    {"Upsample", 2, 5, 7, {16}, 24, 3, 1, 1, 1, true},
};

class Int8 : public ConvCaseTest {
 protected:
  void SetUp() override {
    if (!backend_->HasInt8(std::get<DType>(GetParam()))) GTEST_SKIP() << "no 8-bit products here";
    ConvCaseTest::SetUp();
    input_ = InputFor(spec_.in_channels);
    // The taps of doubled pictures are added up before their codes are made: only near.
    tolerance_ = spec_.upsample ? 2e-2 : std::max(Tolerance(dtype_), 2e-5);
  }

  absl::StatusOr<Tensor> Run(Epilogue epilogue) {
    auto packed =
        backend_->PackConvInt8(spec_, weight_, bias_, input_, sources_, dtype_, allocator_);
    if (!packed.ok()) return packed.status();
    return backend_->Conv2d(**packed, sources_, std::move(epilogue), allocator_);
  }
  reference::Values Expected(const Epilogue& epilogue) const {
    std::vector<Tensor> rounded;
    int64_t first = 0;
    for (const Tensor& source : sources_) {
      rounded.push_back(Rounded(source, input_, first));
      first += source.dim(-1);
    }
    return reference::Conv2d(spec_, rounded, RoundedWeight(weight_, input_), bias_, epilogue,
                             output_.dim(1), output_.dim(2));
  }

  Int8Input input_;
};

TEST_P(Int8, ConvolutionsAreWholeNumberSums) {
  const auto y = Run({});
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_EQ(y->dtype(), dtype_);
  EXPECT_TRUE(Near(*y, output_, Expected({}), tolerance_));
}

TEST_P(Int8, ConvolutionsTakeActivationPerChannelAndResidual) {
  for (const bool in_place : {false, true}) {
    Epilogue epilogue = Everything(Activation::kSilu);
    const auto expected = Expected(epilogue);
    const auto y = in_place ? Run(std::move(epilogue)) : Run(epilogue);
    ASSERT_TRUE(y.ok()) << y.status();
    EXPECT_TRUE(Near(*y, output_, expected, std::max(tolerance_, Tolerance(dtype_)))) << in_place;
  }
}

TEST_P(Int8, ConvolutionsGiveTheSameBitsForAnyNumberOfThreads) {
  Tensor first;
  for (const int threads : {1, 2, 3}) {
    SetThreads(threads);
    const auto y = Run({});
    ASSERT_TRUE(y.ok()) << y.status();
    if (first.empty()) first = *y;
    EXPECT_EQ(std::memcmp(y->raw(), first.raw(), y->bytes()), 0) << threads << " threads";
  }
  SetThreads(0);
}

INSTANTIATE_TEST_SUITE_P(Cpu, Int8,
                         testing::Combine(testing::ValuesIn(kCases),
                                          testing::Values(DType::kF32, DType::kBF16)),
                         ConvCaseTest::NameOf);

class Int8Rows : public testing::TestWithParam<DType> {
 protected:
  void SetUp() override {
    if (!backend_->HasInt8(GetParam())) GTEST_SKIP() << "no 8-bit products here";
  }
  absl::StatusOr<Tensor> Run(const Tensor& x, bool gated, Epilogue epilogue) {
    auto packed =
        backend_->PackLinearInt8(weight_, bias_, gated, input_, x, GetParam(), allocator_);
    if (!packed.ok()) return packed.status();
    return backend_->Linear(**packed, x, std::move(epilogue), allocator_);
  }

  std::unique_ptr<Backend> backend_ = MakeCpuBackend();
  Allocator allocator_{Device::kCpu};
  Int8Input input_ = InputFor(52);
  Tensor weight_ = Random(Shape{64, 52}, GetParam(), 2, 0.14);
  Tensor bias_ = Random(Shape{64}, GetParam(), 3);
  Tensor x_ = Random(Shape{2, 13, 52}, GetParam(), 1);
  double tolerance_ = std::max(Tolerance(GetParam()), 2e-5);
};

TEST_P(Int8Rows, ProductsAreWholeNumberSums) {
  Epilogue epilogue;
  epilogue.activation = Activation::kGelu;
  epilogue.residual = Random(Shape{2, 13, 64}, GetParam(), 4);
  const auto expected = reference::Linear(Rounded(x_, input_), RoundedWeight(weight_, input_),
                                          bias_, epilogue, false);
  const auto y = Run(x_, false, epilogue);
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_TRUE(Near(*y, Shape{2, 13, 64}, expected, tolerance_));
  const auto z = Run(x_, false, std::move(epilogue));  // into the residual's memory
  ASSERT_TRUE(z.ok()) << z.status();
  EXPECT_TRUE(Near(*z, Shape{2, 13, 64}, expected, tolerance_));
}

TEST_P(Int8Rows, ProductsAreGated) {
  Epilogue epilogue;
  epilogue.activation = Activation::kGelu;
  epilogue.gated = true;
  epilogue.residual = Random(Shape{2, 13, 32}, GetParam(), 4);
  const auto expected =
      reference::Linear(Rounded(x_, input_), RoundedWeight(weight_, input_), bias_, epilogue, true);
  const auto y = Run(x_, true, epilogue);
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_TRUE(Near(*y, Shape{2, 13, 32}, expected, tolerance_));
}

TEST_P(Int8Rows, ProductsTakeAnAddendAndWhatIsAddedToEachChannel) {
  Epilogue epilogue;
  epilogue.per_channel = Random(Shape{2, 64}, GetParam(), 5);
  auto expected = reference::Linear(Rounded(x_, input_), RoundedWeight(weight_, input_), bias_,
                                    epilogue, false);
  epilogue.addend = Random(Shape{2, 13, 64}, GetParam(), 6);
  const reference::Values addend = reference::Of(epilogue.addend);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] += addend[i];
  const auto y = Run(x_, false, epilogue);
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_TRUE(Near(*y, Shape{2, 13, 64}, expected, tolerance_));
}

TEST_P(Int8Rows, ProductsTakeRowsOfAnyWidth) {
  input_ = InputFor(53);
  weight_ = Random(Shape{70, 53}, GetParam(), 2, 0.14);
  bias_ = Random(Shape{70}, GetParam(), 3);
  const Tensor x = Random(Shape{2, 13, 53}, GetParam(), 1);
  const auto expected = reference::Linear(Rounded(x, input_), RoundedWeight(weight_, input_), bias_,
                                          Epilogue(), false);
  const auto y = Run(x, false, {});
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_TRUE(Near(*y, Shape{2, 13, 70}, expected, tolerance_));
  Tensor codes = *Tensor::Allocate(allocator_, DType::kU8, x.shape());
  cpu::QuantizeRows(x.raw(), x.dtype(), 26, 0, 53, cpu::CodeMaker(input_),
                    codes.mutable_data<uint8_t>(), 53);
  const auto z = Run(codes, false, {});
  ASSERT_TRUE(z.ok()) << z.status();
  EXPECT_EQ(std::memcmp(y->raw(), z->raw(), y->bytes()), 0);
}

TEST_P(Int8Rows, ProductsTellTheCodesThatTheNextLayerWouldMake) {
  for (const bool gated : {false, true}) {
    const int64_t width = gated ? 32 : 64;
    Epilogue epilogue;
    epilogue.activation = Activation::kGelu;
    epilogue.gated = gated;
    const auto y = Run(x_, gated, epilogue);
    ASSERT_TRUE(y.ok()) << y.status();
    const Int8Input next = InputFor(width);
    epilogue.codes = &next;
    const auto codes = Run(x_, gated, epilogue);
    ASSERT_TRUE(codes.ok()) << codes.status();
    ASSERT_EQ(codes->dtype(), DType::kU8);
    ASSERT_EQ(codes->shape(), y->shape());
    const reference::Values values = reference::Of(*y);
    int64_t differing = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const size_t c = i % static_cast<size_t>(width);
      const int64_t expected = CodeOf(values[i], next.scale[c], next.zero[c]);
      // y has been rounded to bf16, its codes come from f32: a step for each 256 that it is.
      const int64_t off = std::abs(codes->data<uint8_t>()[i] - expected);
      EXPECT_LE(off, 1) << (gated ? "gated, " : "") << "element " << i;
      differing += static_cast<int64_t>(off > 0);
    }
    EXPECT_LE(differing, static_cast<int64_t>(values.size()) / 4);
  }
}

TEST_P(Int8Rows, ALayerNormTellsTheCodesThatTheLayerWouldMake) {
  const Tensor gamma = Random(Shape{52}, DType::kF32, 7), beta = Random(Shape{52}, DType::kF32, 8);
  const Tensor normed = *backend_->LayerNorm(x_, gamma, beta, 1e-5f, allocator_);
  const Tensor codes = *backend_->LayerNormInt8(x_, gamma, beta, 1e-5f, input_, allocator_);
  EXPECT_EQ(codes.dtype(), DType::kU8);
  const auto y = Run(normed, false, {});
  const auto z = Run(codes, false, {});
  ASSERT_TRUE(y.ok() && z.ok()) << y.status() << z.status();
  EXPECT_EQ(std::memcmp(y->raw(), z->raw(), y->bytes()), 0);
}

// How many codes differ; none may by more than one. The values of `expected` have been rounded to
// their type, a norm's codes have not, and their activation is rougher.
int64_t Differing(const Tensor& codes, const Tensor& expected) {
  int64_t differing = 0;
  for (int64_t i = 0; i < codes.numel(); ++i) {
    const int off = std::abs(codes.data<uint8_t>()[i] - expected.data<uint8_t>()[i]);
    EXPECT_LE(off, 1) << "code " << i;
    differing += off;
  }
  return differing;
}

TEST_P(Int8Rows, AGroupNormTellsTheCodesThatTheLayerWouldMake) {
  const Tensor gamma = Random(Shape{52}, DType::kF32, 7), beta = Random(Shape{52}, DType::kF32, 8);
  const std::vector<Tensor> sources = {Random(Shape{2, 9, 11, 20}, GetParam(), 1),
                                       Random(Shape{2, 9, 11, 32}, GetParam(), 2)};
  const ConvSpec spec{
      .in_channels = 52, .out_channels = 24, .stride = 2, .pad_begin = 0, .pad_end = 1};
  const cpu::CodeFrame frame{
      .batch = 2, .height = 9, .width = 11, .channels = 52, .bottom = 1, .right = 1};
  for (const Activation activation : {Activation::kNone, Activation::kSilu}) {
    std::vector<Tensor> taken = sources;
    const Tensor normed =
        *backend_->GroupNorm(absl::MakeSpan(taken), gamma, beta, 4, 1e-5f, activation, allocator_);
    Tensor framed = *Tensor::Allocate(allocator_, DType::kU8, Shape{2, 10, 12, 52});
    cpu::QuantizePictures(normed.raw(), GetParam(), frame, 0, 52, cpu::CodeMaker(input_),
                          framed.mutable_data<uint8_t>());
    Tensor flat = *Tensor::Allocate(allocator_, DType::kU8, normed.shape());
    cpu::QuantizeRows(normed.raw(), GetParam(), 2 * 9 * 11, 0, 52, cpu::CodeMaker(input_),
                      flat.mutable_data<uint8_t>(), 52);
    const int64_t few = GetParam() == DType::kBF16 ? framed.numel() / 20 : framed.numel() / 200;
    Tensor first;
    for (const int threads : {1, 3}) {
      SetThreads(threads);
      const Tensor codes = *backend_->GroupNormInt8(sources, gamma, beta, 4, 1e-5f, activation,
                                                    input_, &spec, allocator_);
      ASSERT_EQ(codes.shape(), framed.shape());
      EXPECT_LE(Differing(codes, framed), few) << threads << " threads";
      if (first.empty()) first = codes;
      EXPECT_EQ(std::memcmp(codes.raw(), first.raw(), first.bytes()), 0) << threads << " threads";
      const Tensor rows = *backend_->GroupNormInt8(sources, gamma, beta, 4, 1e-5f, activation,
                                                   input_, nullptr, allocator_);
      ASSERT_EQ(rows.shape(), flat.shape());
      EXPECT_LE(Differing(rows, flat), few) << threads << " threads, for a linear layer";
    }
    SetThreads(0);
  }
}

// Codes that come with their border, and values that are framed on the way.
TEST_P(Int8Rows, AConvolutionReadsCodesAsItReadsTheValuesThatTheyAreMadeOf) {
  const Tensor x = Random(Shape{2, 9, 11, 52}, GetParam(), 1);
  const ConvSpec spec{
      .in_channels = 52, .out_channels = 24, .stride = 2, .pad_begin = 0, .pad_end = 1};
  const Tensor kernel = Random(Shape{24, 52, 3, 3}, GetParam(), 9, 0.1);
  const cpu::CodeFrame frame{
      .batch = 2, .height = 9, .width = 11, .channels = 52, .bottom = 1, .right = 1};
  Tensor codes = *Tensor::Allocate(allocator_, DType::kU8, Shape{2, 10, 12, 52});
  cpu::QuantizePictures(x.raw(), GetParam(), frame, 0, 52, cpu::CodeMaker(input_),
                        codes.mutable_data<uint8_t>());
  const auto packed =
      backend_->PackConvInt8(spec, kernel, Tensor(), input_, {x}, GetParam(), allocator_);
  ASSERT_TRUE(packed.ok()) << packed.status();
  Epilogue epilogue;
  epilogue.per_channel = Random(Shape{2, 24}, GetParam(), 5);
  const auto y = backend_->Conv2d(**packed, {x}, epilogue, allocator_);
  const auto z = backend_->Conv2d(**packed, {codes}, epilogue, allocator_);
  ASSERT_TRUE(y.ok() && z.ok()) << y.status() << z.status();
  EXPECT_EQ(y->shape(), z->shape());
  EXPECT_EQ(std::memcmp(y->raw(), z->raw(), y->bytes()), 0);
}

INSTANTIATE_TEST_SUITE_P(Cpu, Int8Rows, testing::Values(DType::kF32, DType::kBF16),
                         [](const auto& of) { return std::string(Name(of.param)); });

}  // namespace
}  // namespace weft
