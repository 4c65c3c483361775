#include "runtime/backend/meta/meta_backend.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/backend/cpu/cpu_backend.h"
#include "runtime/backend/cpu/kernels/linear_panels.h"
#include "runtime/backend/cpu/kernels/norm.h"
#include "runtime/backend/cpu/kernels/winograd.h"
#include "runtime/backend/footprint.h"
#include "runtime/backend/nearest_rows.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

struct MetaPacked : Packed {
  ConvSpec spec;  // of a convolution
  int64_t out = 0;
  bool gated = false;
  bool winograd = false;
  bool int8 = false;
  bool in_parts = false;        // Conv2d packs the weights
  DType compute = DType::kF32;  // of the result
  std::vector<Tensor> memory;
};

class MetaBackend : public Backend {
 public:
  Device device() const override { return Device::kMeta; }
  absl::string_view name() const override { return "meta"; }

  absl::StatusOr<std::shared_ptr<const Packed>> PackConv(
      const ConvSpec& spec, const Tensor& /*weight*/, const Tensor& bias,
      absl::Span<const Tensor> sources, DType compute, const Allocator& allocator) override {
    WEFT_ASSIGN_OR_RETURN(std::shared_ptr<MetaPacked> packed,
                          DescribeConv(spec, bias, compute, allocator));
    if (packed->winograd) return packed;
    const int64_t phases = spec.upsample ? 4 : 1;
    for (const Tensor& source : sources) {
      WEFT_RETURN_IF_ERROR(
          Keep(*packed, phases * PhaseElements(spec, source.dim(3)), compute, allocator));
    }
    return packed;
  }

  absl::StatusOr<std::shared_ptr<const Packed>> PackConvForOneUse(
      const ConvSpec& spec, const Tensor& /*weight*/, const Tensor& bias,
      absl::Span<const Tensor> /*sources*/, DType compute, const Allocator& allocator) override {
    WEFT_ASSIGN_OR_RETURN(std::shared_ptr<MetaPacked> packed,
                          DescribeConv(spec, bias, compute, allocator));
    packed->in_parts = !packed->winograd;
    return packed;
  }

  absl::StatusOr<Tensor> Conv2d(const Packed& packed, absl::Span<const Tensor> sources,
                                Epilogue epilogue, const Allocator& allocator) override {
    const auto& conv = static_cast<const MetaPacked&>(packed);
    const ConvSpec& spec = conv.spec;
    const Tensor& first = sources[0];
    const int64_t pads = spec.pad_begin + spec.pad_end;
    const int64_t border = first.dtype() == DType::kU8 ? pads : 0;  // codes have theirs already
    const auto extent = [&](int64_t size) {
      return spec.upsample ? size - border : (size - border + pads - spec.kernel) / spec.stride + 1;
    };
    const int64_t h = extent(first.dim(1));
    const int64_t w = extent(first.dim(2));
    const int64_t factor = spec.upsample ? 2 : 1;
    Tensor output;
    if (!epilogue.residual.empty() && epilogue.residual.unique() &&
        (conv.winograd ? epilogue.activation == Activation::kNone : !spec.upsample)) {
      output = std::move(epilogue.residual);
    } else {
      WEFT_ASSIGN_OR_RETURN(
          output, Tensor::Allocate(allocator, conv.compute,
                                   Shape{first.dim(0), factor * h, factor * w, conv.out}));
    }
    if (conv.winograd) {
      const int64_t tiles =
          WinogradTileCount(first.dim(0), first.dim(1), first.dim(2), spec.upsample);
      const size_t each =
          WinogradScratchBytes(tiles, spec.in_channels, spec.upsample, first.dtype());
      const int64_t bytes = static_cast<int64_t>(each) * Threads();
      WEFT_RETURN_IF_ERROR(Tensor::Allocate(allocator, DType::kU8, Shape{bytes}).status());
      return output;
    }
    const bool several = sources.size() > 1;
    const bool one_by_one =
        PictureByPicture(spec.upsample, several || !epilogue.per_channel.empty(), h * w);
    const int64_t count = one_by_one ? 1 : first.dim(0);
    Tensor weights;
    if (conv.in_parts) {
      // A source's at a time, unless they are used again for the next picture.
      int64_t elements = 0;
      for (const Tensor& source : sources) {
        const int64_t part = PhaseElements(spec, source.dim(3));
        elements = count == first.dim(0) ? std::max(elements, part) : elements + part;
      }
      WEFT_ASSIGN_OR_RETURN(weights, Tensor::Allocate(allocator, conv.compute, Shape{elements}));
    }
    Tensor phase, partial, codes;
    if (spec.upsample) {
      WEFT_ASSIGN_OR_RETURN(
          phase, Tensor::Allocate(allocator, conv.compute, Shape{count, h, w, conv.out}));
    }
    if ((several && !conv.int8) || (!epilogue.per_channel.empty() && count > 1)) {
      WEFT_ASSIGN_OR_RETURN(partial,
                            Tensor::Allocate(allocator, DType::kF32, Shape{count, h, w, conv.out}));
    }
    if (conv.int8 && first.dtype() != DType::kU8) {
      const int64_t grown = spec.upsample ? 1 : pads;  // the phases read one row and column more
      WEFT_ASSIGN_OR_RETURN(codes, Tensor::Allocate(allocator, DType::kU8,
                                                    Shape{count, first.dim(1) + grown,
                                                          first.dim(2) + grown, spec.in_channels}));
    }
    return output;
  }

  absl::StatusOr<std::shared_ptr<const Packed>> PackLinear(const Tensor& weight, const Tensor& bias,
                                                           bool gated, const Tensor& x,
                                                           DType compute,
                                                           const Allocator& allocator) override {
    auto packed = std::make_shared<MetaPacked>();
    packed->out = gated ? weight.dim(0) / 2 : weight.dim(0);
    packed->gated = gated;
    packed->compute = compute;
    const int64_t in = x.dim(-1);
    const int64_t elements = cpu::HasLinearPanels(compute, in)
                                 ? cpu::LinearPanelsSize(packed->out, in, gated)
                                 : PackedElements(packed->out, in) * (gated ? 2 : 1);
    WEFT_RETURN_IF_ERROR(Keep(*packed, elements, compute, allocator));
    WEFT_RETURN_IF_ERROR(KeepBias(*packed, bias, allocator));
    return packed;
  }

  absl::StatusOr<Tensor> Linear(const Packed& packed, const Tensor& x, Epilogue epilogue,
                                const Allocator& allocator) override {
    const auto& linear = static_cast<const MetaPacked&>(packed);
    std::vector<int64_t> dims(x.shape().dims().begin(), x.shape().dims().end());
    dims.back() = linear.out;
    const DType dtype = linear.compute;
    Tensor output, gates, half, codes;
    if (linear.int8 && x.dtype() != DType::kU8) {
      WEFT_ASSIGN_OR_RETURN(codes, Tensor::Allocate(allocator, DType::kU8, x.shape()));
    }
    if (!epilogue.residual.empty() && epilogue.residual.unique()) {
      output = std::move(epilogue.residual);
    } else {
      const DType told = epilogue.codes != nullptr ? DType::kU8 : dtype;
      WEFT_ASSIGN_OR_RETURN(output, Tensor::Allocate(allocator, told, Shape(dims)));
    }
    if (linear.gated && !linear.int8 && !cpu::HasLinearPanels(dtype, x.dim(-1))) {
      const int64_t rows = GatedRows(x.shape().outer(x.rank() - 1), linear.out, dtype);
      WEFT_ASSIGN_OR_RETURN(gates, Tensor::Allocate(allocator, dtype, Shape{rows, linear.out}));
      if (!epilogue.addend.empty()) {
        WEFT_ASSIGN_OR_RETURN(half, Tensor::Allocate(allocator, dtype, Shape{rows, linear.out}));
      }
    }
    return output;
  }

  bool HasInt8(DType compute) const override {
    return SupportsInt8() && (compute != DType::kBF16 || SupportsBf16());
  }

  absl::StatusOr<std::shared_ptr<const Packed>> PackConvInt8(const ConvSpec& spec, const Tensor&,
                                                             const Tensor&, const Int8Input& input,
                                                             absl::Span<const Tensor>,
                                                             DType compute,
                                                             const Allocator& allocator) override {
    auto packed = std::make_shared<MetaPacked>();
    packed->spec = spec;
    packed->out = spec.out_channels;
    packed->int8 = true;
    packed->compute = compute;
    const int64_t phases = spec.upsample ? 4 : 1;
    const int64_t kernel = spec.upsample ? spec.kernel / 2 + 1 : spec.kernel;
    for (int64_t i = 0; i < phases; ++i) {
      WEFT_RETURN_IF_ERROR(
          KeepInt8(*packed, spec.out_channels, spec.in_channels, kernel * kernel, allocator));
    }
    WEFT_RETURN_IF_ERROR(KeepMaker(*packed, input, allocator));
    return packed;
  }

  absl::StatusOr<std::shared_ptr<const Packed>> PackLinearInt8(
      const Tensor& weight, const Tensor&, bool gated, const Int8Input& input, const Tensor&,
      DType compute, const Allocator& allocator) override {
    auto packed = std::make_shared<MetaPacked>();
    packed->out = gated ? weight.dim(0) / 2 : weight.dim(0);
    packed->gated = gated;
    packed->int8 = true;
    packed->compute = compute;
    const int64_t in = RoundUp(weight.dim(1), 4);
    WEFT_RETURN_IF_ERROR(
        Keep(*packed, cpu::LinearPanelsSize(packed->out, in, gated), DType::kU8, allocator));
    WEFT_RETURN_IF_ERROR(Keep(*packed, 2 * weight.dim(0), DType::kF32, allocator));
    WEFT_RETURN_IF_ERROR(KeepMaker(*packed, input, allocator));
    return packed;
  }

  absl::StatusOr<Tensor> GroupNormInt8(absl::Span<const Tensor> sources, const Tensor&,
                                       const Tensor&, int64_t, float, Activation,
                                       const Int8Input& codes, const ConvSpec* reader,
                                       const Allocator& allocator) override {
    const Tensor& first = sources[0];
    std::vector<int64_t> dims(first.shape().dims().begin(), first.shape().dims().end());
    dims.back() = static_cast<int64_t>(codes.scale.size());
    if (reader != nullptr) {
      dims[1] += reader->pad_begin + reader->pad_end;
      dims[2] += reader->pad_begin + reader->pad_end;
    }
    WEFT_ASSIGN_OR_RETURN(Tensor output, Tensor::Allocate(allocator, DType::kU8, Shape(dims)));
    const int64_t pixels = first.numel() / first.dim(0) / first.dim(-1);
    WEFT_ASSIGN_OR_RETURN(
        const Tensor scratch,
        Tensor::Allocate(allocator, DType::kF32,
                         Shape{cpu::GroupNormScratch(first.dim(0), pixels, dims.back())}));
    return output;
  }
  absl::StatusOr<Tensor> LayerNormInt8(const Tensor& x, const Tensor&, const Tensor&, float,
                                       const Int8Input&, const Allocator& allocator) override {
    return Tensor::Allocate(allocator, DType::kU8, x.shape());
  }

  absl::StatusOr<Tensor> GroupNorm(absl::Span<Tensor> sources, const Tensor&, const Tensor&,
                                   int64_t, float, Activation,
                                   const Allocator& allocator) override {
    std::vector<int64_t> dims(sources[0].shape().dims().begin(), sources[0].shape().dims().end());
    for (size_t i = 1; i < sources.size(); ++i) dims.back() += sources[i].dim(-1);
    Tensor output;
    if (sources.size() == 1 && sources[0].unique()) {
      output = std::move(sources[0]);
    } else {
      WEFT_ASSIGN_OR_RETURN(output, Tensor::Allocate(allocator, sources[0].dtype(), Shape(dims)));
    }
    const int64_t pixels = output.numel() / output.dim(0) / output.dim(-1);
    WEFT_ASSIGN_OR_RETURN(
        const Tensor scratch,
        Tensor::Allocate(allocator, DType::kF32,
                         Shape{cpu::GroupNormScratch(output.dim(0), pixels, dims.back())}));
    return output;
  }

  absl::StatusOr<Tensor> LayerNorm(const Tensor& x, const Tensor&, const Tensor&, float,
                                   const Allocator& allocator) override {
    return Tensor::Allocate(allocator, x.dtype(), x.shape());
  }

  absl::StatusOr<Tensor> Attention(const Columns& q, const Columns& k, const Columns& v,
                                   const AttentionSpec& spec, const Allocator& allocator) override {
    WEFT_ASSIGN_OR_RETURN(Tensor output,
                          Tensor::Allocate(allocator, q.tensor.dtype(),
                                           Shape{q.tensor.dim(0), q.tensor.dim(1), v.count}));
    const int64_t q_width = q.count / spec.heads;
    const int64_t v_width = v.count / spec.heads;
    const size_t bytes = AttentionPackedBytes(spec.heads, k.tensor.dim(1), q_width, v_width) +
                         static_cast<size_t>(Threads()) * AttentionWorkspaceBytes(q_width, v_width);
    WEFT_ASSIGN_OR_RETURN(
        const Tensor scratch,
        Tensor::Allocate(allocator, DType::kU8, Shape{static_cast<int64_t>(bytes)}));
    return output;
  }

  absl::StatusOr<NearestRow> NearestRows(const Tensor& x, absl::Span<const int32_t> from,
                                         absl::Span<const int32_t> among,
                                         const Allocator& allocator) override {
    return FindNearestRows(x, from, among, allocator);
  }

  absl::StatusOr<Tensor> Activate(Tensor x, Activation, const Allocator& allocator) override {
    return InPlaceOf(std::move(x), allocator);
  }
  absl::StatusOr<Tensor> Add(Tensor x, const Tensor&, const Allocator& allocator) override {
    return InPlaceOf(std::move(x), allocator);
  }

  absl::StatusOr<Tensor> ToChannelsLast(const Tensor& x, DType compute,
                                        const Allocator& allocator) override {
    return Tensor::Allocate(allocator, compute, Shape{x.dim(0), x.dim(2), x.dim(3), x.dim(1)});
  }
  absl::StatusOr<Tensor> ToChannelsFirst(const Tensor& x, const Allocator& allocator) override {
    return Tensor::Allocate(allocator, DType::kF32, Shape{x.dim(0), x.dim(3), x.dim(1), x.dim(2)});
  }

 private:
  // oneDNN's layouts fill the output channels up to blocks of 16, and the inputs to pairs in bf16.
  static int64_t PackedElements(int64_t out, int64_t in) {
    return RoundUp(out, 16) * RoundUp(in, 2);
  }
  // Of one phase: doubled pictures take four convolutions, each with about half the width of the
  // kernel.
  static int64_t PhaseElements(const ConvSpec& spec, int64_t in) {
    const int64_t kernel = spec.upsample ? spec.kernel / 2 + 1 : spec.kernel;
    return PackedElements(spec.out_channels, in) * kernel * kernel;
  }
  // A convolution with all that it keeps but the weights of its phases.
  static absl::StatusOr<std::shared_ptr<MetaPacked>> DescribeConv(const ConvSpec& spec,
                                                                  const Tensor& bias, DType compute,
                                                                  const Allocator& allocator) {
    auto packed = std::make_shared<MetaPacked>();
    packed->spec = spec;
    packed->out = spec.out_channels;
    packed->compute = compute;
    packed->winograd = cpu::IsWinograds(spec, compute);
    if (packed->winograd) {
      const int64_t elements = RoundUp(spec.out_channels, kWinogradPanel) *
                               RoundUp(spec.in_channels, 2) * WinogradFrequencies(spec.upsample);
      WEFT_RETURN_IF_ERROR(Keep(*packed, elements, compute, allocator));
    }
    WEFT_RETURN_IF_ERROR(KeepBias(*packed, bias, allocator));
    return packed;
  }
  static absl::Status Keep(MetaPacked& packed, int64_t elements, DType dtype,
                           const Allocator& allocator) {
    WEFT_ASSIGN_OR_RETURN(Tensor memory, Tensor::Allocate(allocator, dtype, Shape{elements}));
    packed.memory.push_back(std::move(memory));
    return absl::OkStatus();
  }
  // Codes, with a scale and a bias for each output channel.
  static absl::Status KeepInt8(MetaPacked& packed, int64_t out, int64_t in, int64_t taps,
                               const Allocator& allocator) {
    WEFT_RETURN_IF_ERROR(
        Keep(packed, RoundUp(out, 16) * RoundUp(in, 4) * taps, DType::kU8, allocator));
    return Keep(packed, 2 * out, DType::kF32, allocator);
  }
  // What turns values into codes: two numbers and a code for each input channel.
  static absl::Status KeepMaker(MetaPacked& packed, const Int8Input& input,
                                const Allocator& allocator) {
    return Keep(packed, static_cast<int64_t>(input.scale.size()) * 9, DType::kU8, allocator);
  }
  static absl::Status KeepBias(MetaPacked& packed, const Tensor& bias, const Allocator& allocator) {
    if (bias.empty() || bias.dtype() == DType::kF32) return absl::OkStatus();
    return Keep(packed, bias.numel(), DType::kF32, allocator);
  }
  static absl::StatusOr<Tensor> InPlaceOf(Tensor x, const Allocator& allocator) {
    if (x.unique()) return x;
    return Tensor::Allocate(allocator, x.dtype(), x.shape());
  }
};

}  // namespace

std::unique_ptr<Backend> MakeMetaBackend() { return std::make_unique<MetaBackend>(); }

}  // namespace weft
