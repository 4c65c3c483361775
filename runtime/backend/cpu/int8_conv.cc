// Convolutions of 8-bit codes as the backend offers them: sources, upsampling, and what is added
// afterwards.
#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/backend/cpu/int8_layers.h"
#include "runtime/backend/cpu/int8_plain_conv.h"
#include "runtime/backend/cpu/kernels/elementwise.h"
#include "runtime/backend/cpu/kernels/quantize.h"
#include "runtime/backend/footprint.h"
#include "runtime/base/status_macros.h"

namespace weft::cpu {
namespace {

struct PackedInt8Conv : Packed {
  explicit PackedInt8Conv(const Int8Input& input) : maker(input) {}

  ConvSpec spec;
  DType compute = DType::kF32;
  CodeMaker maker;
  std::vector<std::unique_ptr<Int8PlainConv>> phases;  // as PackedConv has them
};

CodeFrame FrameOf(const ConvGeometry& g, int64_t batch, int64_t height, int64_t width) {
  return {.batch = batch,
          .height = height,
          .width = width,
          .channels = g.in_channels,
          .top = g.pad_top,
          .left = g.pad_left,
          .bottom = g.pad_bottom,
          .right = g.pad_right};
}

// What one run shares.
struct Job {
  const PackedInt8Conv& conv;
  absl::Span<const Tensor> sources;
  const Epilogue& epilogue;
  const Allocator& allocator;
  int64_t height, width;  // of the pictures, without a border
};

// The codes of pictures first … first + count, with the border that the phase reads: those that
// came in, or made here and kept in `made`.
absl::StatusOr<const uint8_t*> CodesFor(const Job& job, const ConvGeometry& g, int64_t first,
                                        int64_t count, Tensor& made) {
  const CodeFrame frame = FrameOf(g, count, job.height, job.width);
  if (job.sources[0].dtype() == DType::kU8) {
    return job.sources[0].data<uint8_t>() + first * (frame.bytes() / count);
  }
  WEFT_ASSIGN_OR_RETURN(made, Tensor::Allocate(job.allocator, DType::kU8, Shape{frame.bytes()}));
  int64_t channel = 0;
  for (const Tensor& source : job.sources) {
    const std::byte* data = source.raw() + first * source.shape().inner(1) *
                                               static_cast<int64_t>(SizeOf(source.dtype()));
    QuantizePictures(data, source.dtype(), frame, channel, source.dim(3), job.conv.maker,
                     made.mutable_data<uint8_t>());
    channel += source.dim(3);
  }
  return made.data<uint8_t>();
}

// Pictures first … first + count. The residual is part of it unless the picture is doubled.
absl::Status RunPictures(const Job& job, int64_t first, int64_t count, ResidualMode residual,
                         Tensor& output) {
  const PackedInt8Conv& conv = job.conv;
  const int64_t out = conv.spec.out_channels;
  const auto size = static_cast<int64_t>(SizeOf(conv.compute));
  const int64_t begin = first * output.shape().inner(1) * size;  // bytes
  std::vector<float> per_channel;
  if (!job.epilogue.per_channel.empty()) {
    per_channel.resize(static_cast<size_t>(count * out));
    ConvertElements(job.epilogue.per_channel.raw() + first * out * size, conv.compute,
                    per_channel.data(), DType::kF32, count * out);
  }
  for (size_t p = 0; p < conv.phases.size(); ++p) {
    const Int8PlainConv& phase = *conv.phases[p];
    const ConvGeometry& g = phase.geometry();
    const int64_t h = g.OutHeight(job.height);
    const int64_t w = g.OutWidth(job.width);
    Tensor codes, addend, scratch;
    Int8ConvCall call;
    WEFT_ASSIGN_OR_RETURN(call.codes, CodesFor(job, g, first, count, codes));
    call.batch = count;
    call.height = job.height + g.pad_top + g.pad_bottom;
    call.width = job.width + g.pad_left + g.pad_right;
    call.bias = phase.bias();
    call.activation = job.epilogue.activation;
    call.residual_mode = residual;
    if (residual == ResidualMode::kSeparate) call.residual = job.epilogue.residual.raw() + begin;
    // What is added to each channel goes into the bias, if it is one picture; else an addend.
    std::vector<float> bias;
    if (!per_channel.empty() && count == 1) {
      bias = per_channel;
      for (int64_t c = 0; c < out; ++c) bias[static_cast<size_t>(c)] += call.bias[c];
      call.bias = bias.data();
    } else if (!per_channel.empty()) {
      WEFT_ASSIGN_OR_RETURN(addend,
                            Tensor::Allocate(job.allocator, DType::kF32, Shape{count, h, w, out}));
      for (int64_t b = 0; b < count; ++b) {
        FillRows(per_channel.data() + b * out, out, addend.mutable_data<float>() + b * h * w * out,
                 h * w);
      }
      call.addend = addend.data<float>();
    }
    if (!conv.spec.upsample) {
      call.output = output.mutable_data<std::byte>() + begin;
      return phase.Run(call, job.allocator);
    }
    WEFT_ASSIGN_OR_RETURN(scratch,
                          Tensor::Allocate(job.allocator, conv.compute, Shape{count, h, w, out}));
    call.output = scratch.mutable_data<std::byte>();
    WEFT_RETURN_IF_ERROR(phase.Run(call, job.allocator));
    for (int64_t b = 0; b < count; ++b) {
      ScatterPhase(scratch.raw() + b * h * w * out * size, h, w, out * size,
                   static_cast<int>(p / 2), static_cast<int>(p % 2),
                   output.mutable_data<std::byte>() + begin + b * 4 * h * w * out * size);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Packed>> PackInt8Convolution(
    const ConvSpec& spec, const Tensor& weight, const Tensor& bias, const Int8Input& input,
    absl::Span<const Tensor> sources, DType compute, const Allocator& allocator) {
  auto packed = std::make_shared<PackedInt8Conv>(input);
  packed->spec = spec;
  packed->compute = compute;
  std::vector<ConvPhase> phases;
  if (spec.upsample) {
    for (const int64_t row : {0, 1}) {
      for (const int64_t column : {0, 1}) phases.push_back(PhaseOf(spec, row, column));
    }
  } else {
    const ConvGeometry g{spec.in_channels, spec.out_channels, spec.kernel,  spec.stride,
                         spec.pad_begin,   spec.pad_begin,    spec.pad_end, spec.pad_end};
    phases.push_back({g, {}});
  }
  Tensor bias_f32;
  if (!bias.empty()) {
    WEFT_ASSIGN_OR_RETURN(bias_f32, bias.To(DType::kF32, allocator));
  }
  const Tensor& like = sources[0];
  const int64_t border = like.dtype() == DType::kU8 ? spec.pad_begin + spec.pad_end : 0;
  for (ConvPhase& phase : phases) {
    const ConvGeometry& g = phase.geometry;
    auto conv = std::make_unique<Int8PlainConv>(g, compute);
    WEFT_RETURN_IF_ERROR(conv->Pack(weight, std::move(phase.sums), input,
                                    bias_f32.empty() ? nullptr : bias_f32.data<float>(),
                                    like.dim(0), like.dim(1) - border + g.pad_top + g.pad_bottom,
                                    like.dim(2) - border + g.pad_left + g.pad_right, allocator));
    packed->phases.push_back(std::move(conv));
  }
  return packed;
}

bool IsInt8Convolution(const Packed& packed) {
  return dynamic_cast<const PackedInt8Conv*>(&packed) != nullptr;
}

absl::StatusOr<Tensor> RunInt8Convolution(const Packed& packed, absl::Span<const Tensor> sources,
                                          Epilogue epilogue, const Allocator& allocator) {
  const auto& conv = static_cast<const PackedInt8Conv&>(packed);
  const ConvSpec& spec = conv.spec;
  const int64_t border = sources[0].dtype() == DType::kU8 ? spec.pad_begin + spec.pad_end : 0;
  const int64_t batch = sources[0].dim(0);
  const int64_t height = sources[0].dim(1) - border;
  const int64_t width = sources[0].dim(2) - border;
  const ConvGeometry& g = conv.phases[0]->geometry();
  const int64_t h = g.OutHeight(height);
  const int64_t w = g.OutWidth(width);
  const int64_t factor = spec.upsample ? 2 : 1;

  ResidualMode residual = ResidualMode::kNone;
  Tensor output;
  if (!epilogue.residual.empty() && !spec.upsample) {
    residual = epilogue.residual.unique() ? ResidualMode::kInPlace : ResidualMode::kSeparate;
  }
  if (residual == ResidualMode::kInPlace) {
    output = std::move(epilogue.residual);
  } else {
    WEFT_ASSIGN_OR_RETURN(
        output, Tensor::Allocate(allocator, conv.compute,
                                 Shape{batch, h * factor, w * factor, spec.out_channels}));
  }
  const bool one_by_one =
      spec.upsample || (!epilogue.per_channel.empty() && PictureByPicture(h * w));
  const int64_t step = one_by_one ? 1 : batch;
  const Job job{conv, sources, epilogue, allocator, height, width};
  for (int64_t first = 0; first < batch; first += step) {
    WEFT_RETURN_IF_ERROR(RunPictures(job, first, step, residual, output));
  }
  if (spec.upsample && !epilogue.residual.empty()) {
    Add(output.raw(), epilogue.residual.raw(), output.mutable_data<std::byte>(), conv.compute,
        output.numel());
  }
  return output;
}

}  // namespace weft::cpu
