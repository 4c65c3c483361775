// Convolutions as the backend offers them: sources, upsampling, and what is added afterwards.
#include "runtime/backend/cpu/convolution.h"

#include <omp.h>

#include <algorithm>
#include <utility>

#include "runtime/backend/cpu/kernels/elementwise.h"
#include "runtime/backend/footprint.h"
#include "runtime/base/status_macros.h"

namespace weft::cpu {
namespace {

struct PackedConv : Packed {
  ConvSpec spec;
  DType compute = DType::kF32;
  Tensor bias;  // f32 [out], or empty
  // One convolution; of a doubled picture, one for each parity of its rows and columns:
  // (0, 0), (0, 1), (1, 0), (1, 1).
  std::vector<std::unique_ptr<PlainConv>> phases;
  Tensor winograd;  // its weights, where it is Winograd's; there are no phases then
};

// Which pixel of the small picture tap `tap` of output row 2i + parity reads: i + this.
int64_t TapOffset(int64_t tap, int64_t parity, int64_t pad) {
  const int64_t position = parity + tap - pad;
  return position >= 0 ? position / 2 : -((1 - position) / 2);
}

absl::StatusOr<Tensor> PackWinograd(const ConvSpec& spec, const Tensor& weight, DType compute,
                                    const Allocator& allocator) {
  const WeightPlaces places =
      WinogradPlaces(spec.out_channels, spec.in_channels, spec.upsample, compute);
  WEFT_ASSIGN_OR_RETURN(Tensor packed, Tensor::Allocate(allocator, compute, Shape{places.size}));
  PackWeights(StoredRows{weight.raw(), weight.dtype(), spec.out_channels, spec.in_channels, 9,
                         spec.in_channels * 9, WinogradTaps(spec.upsample)},
              places, compute, packed.mutable_data<std::byte>());
  return packed;
}

// The epilogue's activation and what follows it are passes of their own: networks of this shape
// have none, but for small autoencoders.
absl::StatusOr<Tensor> RunByWinograd(const PackedConv& conv, absl::Span<const Tensor> sources,
                                     Epilogue epilogue, const Allocator& allocator) {
  const ConvSpec& spec = conv.spec;
  WinogradTask task;
  task.dtype = conv.compute;
  task.doubled = spec.upsample;
  task.batch = sources[0].dim(0);
  task.height = sources[0].dim(1);
  task.width = sources[0].dim(2);
  task.in_channels = spec.in_channels;
  task.out_channels = spec.out_channels;
  std::vector<ConvSource> given;
  for (const Tensor& source : sources) given.push_back({source.raw(), source.dim(3)});
  task.sources = given;
  task.weights = conv.winograd.raw();
  task.bias = conv.bias.empty() ? nullptr : conv.bias.data<float>();
  if (!epilogue.per_channel.empty()) task.per_channel = epilogue.per_channel.raw();

  const bool activated = epilogue.activation != Activation::kNone;
  const int64_t factor = spec.upsample ? 2 : 1;
  Tensor output;
  if (!activated && !epilogue.residual.empty() && epilogue.residual.unique()) {
    output = std::move(epilogue.residual);
    task.residual = output.raw();
  } else {
    WEFT_ASSIGN_OR_RETURN(output, Tensor::Allocate(allocator, conv.compute,
                                                   Shape{task.batch, factor * task.height,
                                                         factor * task.width, task.out_channels}));
    if (!activated && !epilogue.residual.empty()) task.residual = epilogue.residual.raw();
  }
  task.output = output.mutable_data<std::byte>();
  const int64_t tiles = WinogradTileCount(task.batch, task.height, task.width, task.doubled);
  const size_t each = WinogradScratchBytes(tiles, task.in_channels, task.doubled, task.dtype);
  WEFT_ASSIGN_OR_RETURN(
      Tensor scratch, Tensor::Allocate(allocator, DType::kU8,
                                       Shape{static_cast<int64_t>(each) * omp_get_max_threads()}));
  RunWinograd(task, scratch.mutable_data<std::byte>());
  if (activated) {
    auto* y = output.mutable_data<std::byte>();
    Activate(y, y, conv.compute, output.numel(), epilogue.activation);
    if (!epilogue.residual.empty()) {
      Add(y, epilogue.residual.raw(), y, conv.compute, output.numel());
    }
  }
  return output;
}

// What one run shares.
struct Job {
  const PackedConv& conv;
  absl::Span<const Tensor> sources;
  const Epilogue& epilogue;
  const Allocator& allocator;
  int64_t height, width;
};

// Pictures first … first + count. The residual is part of it unless the picture is doubled.
absl::Status RunPictures(const Job& job, int64_t first, int64_t count, ResidualMode residual,
                         Tensor& output) {
  const PackedConv& conv = job.conv;
  const int64_t out = conv.spec.out_channels;
  const auto size = static_cast<int64_t>(SizeOf(conv.compute));
  std::vector<ConvSource> sources;
  for (const Tensor& source : job.sources) {
    const std::byte* data = source.raw() + first * source.shape().inner(1) * size;
    sources.push_back({data, source.dim(3)});
  }
  ConvCall call;
  call.sources = sources;
  call.batch = count;
  call.height = job.height;
  call.width = job.width;
  call.activation = job.epilogue.activation;
  call.residual_mode = residual;
  const int64_t begin = first * output.shape().inner(1) * size;  // bytes
  if (residual == ResidualMode::kSeparate) call.residual = job.epilogue.residual.raw() + begin;
  call.bias = conv.bias.empty() ? nullptr : conv.bias.data<float>();

  // What is added to each channel goes into the bias, if it is one picture; else into an addend.
  std::vector<float> bias;
  std::vector<float> per_channel;
  if (!job.epilogue.per_channel.empty()) {
    per_channel.resize(static_cast<size_t>(count * out));
    ConvertElements(job.epilogue.per_channel.raw() + first * out * size, conv.compute,
                    per_channel.data(), DType::kF32, count * out);
    if (count == 1) {
      bias = per_channel;
      for (int64_t c = 0; call.bias != nullptr && c < out; ++c) {
        bias[static_cast<size_t>(c)] += call.bias[c];
      }
      call.bias = bias.data();
    }
  }
  for (size_t p = 0; p < conv.phases.size(); ++p) {
    const PlainConv& phase = *conv.phases[p];
    const int64_t h = phase.geometry().OutHeight(job.height);
    const int64_t w = phase.geometry().OutWidth(job.width);
    Tensor addend, scratch;
    if (!per_channel.empty() && count > 1) {
      WEFT_ASSIGN_OR_RETURN(addend,
                            Tensor::Allocate(job.allocator, DType::kF32, Shape{count, h, w, out}));
      call.addend = addend.mutable_data<float>();
      for (int64_t b = 0; b < count; ++b) {
        FillRows(per_channel.data() + b * out, out, call.addend + b * h * w * out, h * w);
      }
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

ConvPhase PhaseOf(const ConvSpec& spec, int64_t row, int64_t column) {
  const int64_t k = spec.kernel;
  ConvGeometry g;
  g.in_channels = spec.in_channels;
  g.out_channels = spec.out_channels;
  const int64_t top = TapOffset(0, row, spec.pad_begin);
  const int64_t left = TapOffset(0, column, spec.pad_begin);
  g.kernel = TapOffset(k - 1, row, spec.pad_begin) - top + 1;
  g.pad_top = -top;
  g.pad_left = -left;
  g.pad_bottom = g.kernel - 1 - g.pad_top;
  g.pad_right = g.kernel - 1 - g.pad_left;
  TapSums sums;
  sums.count = g.kernel * g.kernel;
  sums.factors.resize(static_cast<size_t>(sums.count * k * k));
  for (int64_t y = 0; y < k; ++y) {
    for (int64_t x = 0; x < k; ++x) {
      const int64_t to = (TapOffset(y, row, spec.pad_begin) - top) * g.kernel +
                         TapOffset(x, column, spec.pad_begin) - left;
      sums.factors[static_cast<size_t>(to * k * k + y * k + x)] = 1;
    }
  }
  return {g, std::move(sums)};
}

absl::StatusOr<std::shared_ptr<const Packed>> PackConvolution(
    const ConvSpec& spec, const Tensor& weight, const Tensor& bias,
    absl::Span<const Tensor> sources, DType compute, const Allocator& allocator) {
  auto packed = std::make_shared<PackedConv>();
  packed->spec = spec;
  packed->compute = compute;
  if (!bias.empty()) {
    WEFT_ASSIGN_OR_RETURN(packed->bias, bias.To(DType::kF32, allocator));
  }
  if (IsWinograds(spec, compute)) {
    WEFT_ASSIGN_OR_RETURN(packed->winograd, PackWinograd(spec, weight, compute, allocator));
    return packed;
  }
  if (spec.upsample) {
    for (const int64_t row : {0, 1}) {
      for (const int64_t column : {0, 1}) {
        ConvPhase phase = PhaseOf(spec, row, column);
        packed->phases.push_back(
            std::make_unique<PlainConv>(phase.geometry, compute, weight, std::move(phase.sums)));
      }
    }
  } else {
    ConvGeometry g{spec.in_channels, spec.out_channels, spec.kernel,  spec.stride,
                   spec.pad_begin,   spec.pad_begin,    spec.pad_end, spec.pad_end};
    packed->phases.push_back(std::make_unique<PlainConv>(g, compute, weight));
  }
  std::vector<int64_t> channels;
  for (const Tensor& source : sources) channels.push_back(source.dim(3));
  for (const auto& phase : packed->phases) {
    const Tensor& like = sources[0];
    WEFT_RETURN_IF_ERROR(phase->Pack(channels, like.dim(0), like.dim(1), like.dim(2), allocator));
  }
  return packed;
}

absl::StatusOr<Tensor> RunConvolution(const Packed& packed, absl::Span<const Tensor> sources,
                                      Epilogue epilogue, const Allocator& allocator) {
  const auto& conv = static_cast<const PackedConv&>(packed);
  if (!conv.winograd.empty()) {
    return RunByWinograd(conv, sources, std::move(epilogue), allocator);
  }
  const int64_t batch = sources[0].dim(0);
  const int64_t height = sources[0].dim(1);
  const int64_t width = sources[0].dim(2);
  const ConvGeometry& g = conv.phases[0]->geometry();
  const int64_t h = g.OutHeight(height);
  const int64_t w = g.OutWidth(width);
  const int64_t factor = conv.spec.upsample ? 2 : 1;

  ResidualMode residual = ResidualMode::kNone;
  Tensor output;
  if (!epilogue.residual.empty() && !conv.spec.upsample) {
    residual = epilogue.residual.unique() ? ResidualMode::kInPlace : ResidualMode::kSeparate;
  }
  if (residual == ResidualMode::kInPlace) {
    output = std::move(epilogue.residual);
  } else {
    WEFT_ASSIGN_OR_RETURN(
        output, Tensor::Allocate(allocator, conv.compute,
                                 Shape{batch, h * factor, w * factor, conv.spec.out_channels}));
  }
  const bool one_by_one =
      conv.spec.upsample ||
      ((!epilogue.per_channel.empty() || sources.size() > 1) && PictureByPicture(h * w));
  const int64_t step = one_by_one ? 1 : batch;
  const Job job{conv, sources, epilogue, allocator, height, width};
  for (int64_t first = 0; first < batch; first += step) {
    WEFT_RETURN_IF_ERROR(RunPictures(job, first, step, residual, output));
  }
  if (conv.spec.upsample && !epilogue.residual.empty()) {
    Add(output.raw(), epilogue.residual.raw(), output.mutable_data<std::byte>(), conv.compute,
        output.numel());
  }
  return output;
}

}  // namespace weft::cpu
