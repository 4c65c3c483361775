// Convolutions of values as the backend offers them: by Winograd's method, or by oneDNN's.
#include "runtime/backend/cpu/convolution.h"

#include <omp.h>

#include <utility>
#include <vector>

#include "runtime/backend/cpu/conv_phases.h"
#include "runtime/backend/cpu/kernels/elementwise.h"
#include "runtime/backend/cpu/kernels/winograd.h"
#include "runtime/backend/cpu/plain_conv.h"
#include "runtime/backend/footprint.h"
#include "runtime/base/status_macros.h"

namespace weft::cpu {
namespace {

struct PackedConv : Packed {
  PhasedConv phased;
  Tensor winograd;  // its weights, where it is Winograd's; there are no phases then
  Tensor bias;      // f32 [out] or empty: Winograd's
};

absl::StatusOr<Tensor> PackWinograd(const ConvSpec& spec, const Tensor& weight, DType compute,
                                    const Allocator& allocator) {
  const WeightPlaces places =
      WinogradPlaces(spec.out_channels, spec.in_channels, spec.upsample, compute);
  WEFT_ASSIGN_OR_RETURN(Tensor packed, Tensor::Allocate(allocator, compute, Shape{places.size}));
  WEFT_RETURN_IF_ERROR(
      PackWeights(StoredRows{weight.raw(), weight.dtype(), spec.out_channels, spec.in_channels, 9,
                             spec.in_channels * 9, WinogradTaps(spec.upsample)},
                  places, compute, packed.mutable_data<std::byte>()));
  return packed;
}

// The epilogue's activation and what follows it are passes of their own: networks of this shape
// have none, but for small autoencoders.
absl::StatusOr<Tensor> RunByWinograd(const PackedConv& conv, absl::Span<const Tensor> sources,
                                     Epilogue epilogue, const Allocator& allocator) {
  const ConvSpec& spec = conv.phased.spec;
  const DType compute = conv.phased.compute;
  WinogradTask task;
  task.dtype = compute;
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
    WEFT_ASSIGN_OR_RETURN(output, Tensor::Allocate(allocator, compute,
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
    Activate(y, y, compute, output.numel(), epilogue.activation);
    if (!epilogue.residual.empty()) {
      Add(y, epilogue.residual.raw(), y, compute, output.numel());
    }
  }
  return output;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Packed>> PackConvolution(
    const ConvSpec& spec, const Tensor& weight, const Tensor& bias,
    absl::Span<const Tensor> sources, DType compute, bool in_parts, const Allocator& allocator) {
  auto packed = std::make_shared<PackedConv>();
  packed->phased.spec = spec;
  packed->phased.compute = compute;
  Tensor bias_f32;
  if (!bias.empty()) {
    WEFT_ASSIGN_OR_RETURN(bias_f32, bias.To(DType::kF32, allocator));
  }
  if (IsWinograds(spec, compute)) {
    packed->bias = bias_f32;
    WEFT_ASSIGN_OR_RETURN(packed->winograd, PackWinograd(spec, weight, compute, allocator));
    return packed;
  }
  std::vector<int64_t> channels;
  for (const Tensor& source : sources) channels.push_back(source.dim(3));
  const Tensor& like = sources[0];
  std::vector<PhaseSpec> phases = PhasesOf(spec);
  for (PhaseSpec& phase : phases) {
    auto conv = std::make_unique<PlainConv>(std::move(phase), compute, weight, bias_f32, in_parts);
    if (!in_parts) {
      WEFT_RETURN_IF_ERROR(conv->Pack(channels, like.dim(0), like.dim(1), like.dim(2), allocator));
    }
    packed->phased.phases.push_back(std::move(conv));
  }
  return packed;
}

absl::StatusOr<Tensor> RunConvolution(const Packed& packed, absl::Span<const Tensor> sources,
                                      Epilogue epilogue, const Allocator& allocator) {
  const auto& conv = static_cast<const PackedConv&>(packed);
  if (!conv.winograd.empty()) {
    return RunByWinograd(conv, sources, std::move(epilogue), allocator);
  }
  return RunPhases(conv.phased, sources, std::move(epilogue), allocator);
}

}  // namespace weft::cpu
