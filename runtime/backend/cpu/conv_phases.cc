#include "runtime/backend/cpu/conv_phases.h"

#include <cstddef>
#include <utility>

#include "runtime/backend/cpu/kernels/elementwise.h"
#include "runtime/backend/footprint.h"
#include "runtime/base/status_macros.h"

namespace weft::cpu {
namespace {

// Which pixel of the small picture tap `tap` of output row 2i + parity reads: i + this.
int64_t TapOffset(int64_t tap, int64_t parity, int64_t pad) {
  const int64_t position = parity + tap - pad;
  return position >= 0 ? position / 2 : -((1 - position) / 2);
}

PhaseSpec DoubledPhase(const ConvSpec& spec, int64_t row, int64_t column) {
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

// What one run shares.
struct Job {
  const PhasedConv& conv;
  absl::Span<const Tensor> sources;
  const Epilogue& epilogue;
  const Allocator& allocator;
  int64_t height, width;  // of the pictures, without a border
  ResidualMode residual;  // none where pictures are doubled: it is added afterwards
};

// What is added to each channel of pictures first … first + count, in f32.
std::vector<float> PerChannel(const Job& job, int64_t first, int64_t count) {
  const Tensor& given = job.epilogue.per_channel;
  if (given.empty()) return {};
  const int64_t out = job.conv.spec.out_channels;
  std::vector<float> per_channel(static_cast<size_t>(count * out));
  ConvertElements(given.raw() + first * out * static_cast<int64_t>(SizeOf(given.dtype())),
                  given.dtype(), per_channel.data(), DType::kF32, count * out);
  return per_channel;
}

// Phase `p` of pictures first … first + count.
absl::Status RunPictures(const Job& job, size_t p, int64_t first, int64_t count, Tensor& output) {
  const ConvPhase& phase = *job.conv.phases[p];
  const int64_t out = job.conv.spec.out_channels;
  const auto size = static_cast<int64_t>(SizeOf(job.conv.compute));
  const int64_t h = phase.geometry().OutHeight(job.height);
  const int64_t w = phase.geometry().OutWidth(job.width);
  std::vector<ConvSource> sources;
  for (const Tensor& source : job.sources) {
    const int64_t picture = source.shape().inner(1) * static_cast<int64_t>(SizeOf(source.dtype()));
    sources.push_back({source.raw() + first * picture, source.dim(3)});
  }
  ConvCall call;
  call.sources = sources;
  call.input = job.sources[0].dtype();
  call.batch = count;
  call.height = job.height;
  call.width = job.width;
  call.bias = phase.bias();
  call.activation = job.epilogue.activation;
  call.residual_mode = job.residual;
  call.last_use = first + count == job.sources[0].dim(0);
  std::byte* const pictures =
      output.mutable_data<std::byte>() + first * output.shape().inner(1) * size;
  if (job.residual == ResidualMode::kSeparate) {
    call.residual = job.epilogue.residual.raw() + (pictures - output.raw());
  }

  // What is added to each channel goes into the bias, if it is one picture; else into an addend.
  std::vector<float> per_channel = PerChannel(job, first, count);
  Tensor addend, scratch;
  if (!per_channel.empty() && count == 1) {
    for (int64_t c = 0; call.bias != nullptr && c < out; ++c) {
      per_channel[static_cast<size_t>(c)] += call.bias[c];
    }
    call.bias = per_channel.data();
  } else if (!per_channel.empty()) {
    WEFT_ASSIGN_OR_RETURN(addend,
                          Tensor::Allocate(job.allocator, DType::kF32, Shape{count, h, w, out}));
    call.addend = addend.mutable_data<float>();
    for (int64_t b = 0; b < count; ++b) {
      FillRows(per_channel.data() + b * out, out, call.addend + b * h * w * out, h * w);
    }
  }
  if (!job.conv.spec.upsample) {
    call.output = pictures;
    return phase.Run(call, job.allocator);
  }
  WEFT_ASSIGN_OR_RETURN(scratch,
                        Tensor::Allocate(job.allocator, job.conv.compute, Shape{count, h, w, out}));
  call.output = scratch.mutable_data<std::byte>();
  WEFT_RETURN_IF_ERROR(phase.Run(call, job.allocator));
  for (int64_t b = 0; b < count; ++b) {
    ScatterPhase(scratch.raw() + b * h * w * out * size, h, w, out * size, static_cast<int>(p / 2),
                 static_cast<int>(p % 2), pictures + b * 4 * h * w * out * size);
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<PhaseSpec> PhasesOf(const ConvSpec& spec) {
  if (!spec.upsample) {
    return {{ConvGeometry{spec.in_channels, spec.out_channels, spec.kernel, spec.stride,
                          spec.pad_begin, spec.pad_begin, spec.pad_end, spec.pad_end},
             {}}};
  }
  std::vector<PhaseSpec> phases;
  for (const int64_t row : {0, 1}) {
    for (const int64_t column : {0, 1}) phases.push_back(DoubledPhase(spec, row, column));
  }
  return phases;
}

absl::StatusOr<Tensor> RunPhases(const PhasedConv& conv, absl::Span<const Tensor> sources,
                                 Epilogue epilogue, const Allocator& allocator) {
  const ConvSpec& spec = conv.spec;
  const int64_t border = sources[0].dtype() == DType::kU8 ? spec.pad_begin + spec.pad_end : 0;
  const int64_t batch = sources[0].dim(0);
  Job job{conv,
          sources,
          epilogue,
          allocator,
          sources[0].dim(1) - border,
          sources[0].dim(2) - border,
          ResidualMode::kNone};
  const int64_t h = conv.phases[0]->geometry().OutHeight(job.height);
  const int64_t w = conv.phases[0]->geometry().OutWidth(job.width);
  if (!epilogue.residual.empty() && !spec.upsample) {
    job.residual = epilogue.residual.unique() ? ResidualMode::kInPlace : ResidualMode::kSeparate;
  }
  Tensor output;
  if (job.residual == ResidualMode::kInPlace) {
    output = std::move(epilogue.residual);
  } else {
    const int64_t factor = spec.upsample ? 2 : 1;
    WEFT_ASSIGN_OR_RETURN(
        output, Tensor::Allocate(allocator, conv.compute,
                                 Shape{batch, h * factor, w * factor, spec.out_channels}));
  }
  const bool sums = sources.size() > 1 || !epilogue.per_channel.empty();
  const int64_t step = PictureByPicture(spec.upsample, sums, h * w) ? 1 : batch;
  // Phase by phase, so that no more than one has its weights at hand where they are not kept.
  for (size_t p = 0; p < conv.phases.size(); ++p) {
    for (int64_t first = 0; first < batch; first += step) {
      WEFT_RETURN_IF_ERROR(RunPictures(job, p, first, step, output));
    }
  }
  if (spec.upsample && !epilogue.residual.empty()) {
    Add(output.raw(), epilogue.residual.raw(), output.mutable_data<std::byte>(), conv.compute,
        output.numel());
  }
  return output;
}

}  // namespace weft::cpu
