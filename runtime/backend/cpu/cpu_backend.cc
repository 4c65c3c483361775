#include "runtime/backend/cpu/cpu_backend.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "runtime/backend/cpu/convolution.h"
#include "runtime/backend/cpu/int8_layers.h"
#include "runtime/backend/cpu/kernels/attention.h"
#include "runtime/backend/cpu/kernels/dot_products.h"
#include "runtime/backend/cpu/kernels/elementwise.h"
#include "runtime/backend/cpu/kernels/norm.h"
#include "runtime/backend/cpu/linear.h"
#include "runtime/backend/cpu/onednn.h"
#include "runtime/backend/footprint.h"
#include "runtime/backend/nearest_rows.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

std::atomic<int> thread_count{0};

// OpenMP keeps the size of a team for each calling thread: set it before every use.
void UseThreads() {
  if (const int threads = Threads(); omp_get_max_threads() != threads) {
    omp_set_num_threads(threads);
  }
}

// The type that convolutions and matrix products run in.
DType Arithmetic(DType compute) {
  return compute == DType::kBF16 && !SupportsBf16() ? DType::kF32 : compute;
}

absl::StatusOr<Tensor> Converted(const Tensor& x, DType dtype, const Allocator& allocator) {
  if (x.empty() || x.dtype() == dtype) return x;
  WEFT_ASSIGN_OR_RETURN(Tensor converted, Tensor::Allocate(allocator, dtype, x.shape()));
  cpu::Convert(x.raw(), x.dtype(), converted.mutable_data<std::byte>(), dtype, x.numel());
  return converted;
}

absl::Status ConvertEpilogue(Epilogue& epilogue, DType dtype, const Allocator& allocator) {
  WEFT_ASSIGN_OR_RETURN(epilogue.per_channel, Converted(epilogue.per_channel, dtype, allocator));
  WEFT_ASSIGN_OR_RETURN(epilogue.addend, Converted(epilogue.addend, dtype, allocator));
  WEFT_ASSIGN_OR_RETURN(epilogue.residual, Converted(epilogue.residual, dtype, allocator));
  return absl::OkStatus();
}

class CpuBackend : public Backend {
 public:
  Device device() const override { return Device::kCpu; }
  absl::string_view name() const override { return "cpu"; }

  absl::StatusOr<std::shared_ptr<const Packed>> PackConv(const ConvSpec& spec, const Tensor& weight,
                                                         const Tensor& bias,
                                                         absl::Span<const Tensor> sources,
                                                         DType compute,
                                                         const Allocator& allocator) override {
    UseThreads();
    return cpu::Guard("conv2d", [&] {
      return cpu::PackConvolution(spec, weight, bias, sources, Arithmetic(compute),
                                  /*in_parts=*/false, allocator);
    });
  }

  absl::StatusOr<std::shared_ptr<const Packed>> PackConvForOneUse(
      const ConvSpec& spec, const Tensor& weight, const Tensor& bias,
      absl::Span<const Tensor> sources, DType compute, const Allocator& allocator) override {
    UseThreads();
    return cpu::Guard("conv2d", [&] {
      return cpu::PackConvolution(spec, weight, bias, sources, Arithmetic(compute),
                                  /*in_parts=*/true, allocator);
    });
  }

  absl::StatusOr<Tensor> Conv2d(const Packed& packed, absl::Span<const Tensor> sources,
                                Epilogue epilogue, const Allocator& allocator) override {
    UseThreads();
    return cpu::Guard("conv2d", [&]() -> absl::StatusOr<Tensor> {
      if (cpu::IsInt8Convolution(packed)) {
        return cpu::RunInt8Convolution(packed, sources, std::move(epilogue), allocator);
      }
      const DType compute = sources[0].dtype();
      const DType arithmetic = Arithmetic(compute);
      if (arithmetic == compute) {
        return cpu::RunConvolution(packed, sources, std::move(epilogue), allocator);
      }
      std::vector<Tensor> wide;
      for (const Tensor& source : sources) {
        WEFT_ASSIGN_OR_RETURN(Tensor converted, Converted(source, arithmetic, allocator));
        wide.push_back(std::move(converted));
      }
      WEFT_RETURN_IF_ERROR(ConvertEpilogue(epilogue, arithmetic, allocator));
      WEFT_ASSIGN_OR_RETURN(const Tensor output,
                            cpu::RunConvolution(packed, wide, std::move(epilogue), allocator));
      return Converted(output, compute, allocator);
    });
  }

  absl::StatusOr<std::shared_ptr<const Packed>> PackLinear(const Tensor& weight, const Tensor& bias,
                                                           bool gated, const Tensor& x,
                                                           DType compute,
                                                           const Allocator& allocator) override {
    UseThreads();
    return cpu::Guard("linear", [&] {
      return cpu::PackLinear(weight, bias, gated, x, Arithmetic(compute), allocator);
    });
  }

  absl::StatusOr<Tensor> Linear(const Packed& packed, const Tensor& x, Epilogue epilogue,
                                const Allocator& allocator) override {
    UseThreads();
    return cpu::Guard("linear", [&]() -> absl::StatusOr<Tensor> {
      if (cpu::IsInt8Linear(packed)) {
        return cpu::RunInt8Linear(packed, x, std::move(epilogue), allocator);
      }
      const DType arithmetic = Arithmetic(x.dtype());
      if (arithmetic == x.dtype()) {
        return cpu::RunLinear(packed, x, std::move(epilogue), allocator);
      }
      WEFT_ASSIGN_OR_RETURN(const Tensor wide, Converted(x, arithmetic, allocator));
      WEFT_RETURN_IF_ERROR(ConvertEpilogue(epilogue, arithmetic, allocator));
      WEFT_ASSIGN_OR_RETURN(const Tensor output,
                            cpu::RunLinear(packed, wide, std::move(epilogue), allocator));
      return Converted(output, x.dtype(), allocator);
    });
  }

  bool HasInt8(DType compute) const override {
    return SupportsInt8() && Arithmetic(compute) == compute;
  }

  absl::StatusOr<std::shared_ptr<const Packed>> PackConvInt8(
      const ConvSpec& spec, const Tensor& weight, const Tensor& bias, const Int8Input& input,
      absl::Span<const Tensor> sources, DType compute, const Allocator& allocator) override {
    UseThreads();
    return cpu::Guard("conv2d in int8", [&] {
      return cpu::PackInt8Convolution(spec, weight, bias, input, sources, compute, allocator);
    });
  }

  absl::StatusOr<std::shared_ptr<const Packed>> PackLinearInt8(
      const Tensor& weight, const Tensor& bias, bool gated, const Int8Input& input, const Tensor&,
      DType compute, const Allocator& allocator) override {
    UseThreads();
    return cpu::Guard("linear in int8", [&] {
      return cpu::PackInt8Linear(weight, bias, gated, input, compute, allocator);
    });
  }

  absl::StatusOr<Tensor> GroupNorm(absl::Span<Tensor> sources, const Tensor& gamma,
                                   const Tensor& beta, int64_t groups, float eps,
                                   Activation activation, const Allocator& allocator) override {
    const bool in_place = sources.size() == 1 && sources[0].unique();
    Tensor output;
    if (!in_place) {
      std::vector<int64_t> dims(sources[0].shape().dims().begin(), sources[0].shape().dims().end());
      for (size_t i = 1; i < sources.size(); ++i) dims.back() += sources[i].dim(-1);
      WEFT_ASSIGN_OR_RETURN(output, Tensor::Allocate(allocator, sources[0].dtype(), Shape(dims)));
    }
    Tensor& target = in_place ? sources[0] : output;
    cpu::GroupNormCall call;
    call.groups = groups;
    call.eps = eps;
    call.activation = activation;
    call.output = target.mutable_data<std::byte>();
    WEFT_RETURN_IF_ERROR(Normalise(call, sources, gamma, beta, allocator));
    return std::move(target);
  }

  absl::StatusOr<Tensor> GroupNormInt8(absl::Span<const Tensor> sources, const Tensor& gamma,
                                       const Tensor& beta, int64_t groups, float eps,
                                       Activation activation, const Int8Input& codes,
                                       const ConvSpec* reader,
                                       const Allocator& allocator) override {
    const Tensor& first = sources[0];
    const cpu::CodeMaker maker(codes);
    cpu::GroupNormCall call;
    call.groups = groups;
    call.eps = eps;
    call.activation = activation;
    call.codes = &maker;
    // Rows of a linear layer are one picture's row each batch.
    const bool picture = reader != nullptr;
    call.frame.batch = first.dim(0);
    call.frame.height = picture ? first.dim(1) : 1;
    call.frame.width = picture ? first.dim(2) : first.numel() / first.dim(0) / first.dim(-1);
    call.frame.channels = static_cast<int64_t>(codes.scale.size());
    if (picture) {
      call.frame.top = call.frame.left = reader->pad_begin;
      call.frame.bottom = call.frame.right = reader->pad_end;
    }
    std::vector<int64_t> dims(first.shape().dims().begin(), first.shape().dims().end());
    dims.back() = call.frame.channels;
    if (picture) {
      dims[1] = call.frame.FullHeight();
      dims[2] = call.frame.FullWidth();
    }
    WEFT_ASSIGN_OR_RETURN(Tensor output, Tensor::Allocate(allocator, DType::kU8, Shape(dims)));
    call.output = output.mutable_data<std::byte>();
    WEFT_RETURN_IF_ERROR(Normalise(call, sources, gamma, beta, allocator));
    return output;
  }

  absl::StatusOr<Tensor> LayerNorm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                   float eps, const Allocator& allocator) override {
    UseThreads();
    WEFT_ASSIGN_OR_RETURN(Tensor output, Tensor::Allocate(allocator, x.dtype(), x.shape()));
    cpu::LayerNorm(x.raw(), x.dtype(), x.shape().outer(x.rank() - 1), x.dim(-1),
                   gamma.empty() ? nullptr : gamma.data<float>(),
                   beta.empty() ? nullptr : beta.data<float>(), eps,
                   output.mutable_data<std::byte>());
    return output;
  }

  absl::StatusOr<Tensor> LayerNormInt8(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                       float eps, const Int8Input& codes,
                                       const Allocator& allocator) override {
    UseThreads();
    WEFT_ASSIGN_OR_RETURN(Tensor output, Tensor::Allocate(allocator, DType::kU8, x.shape()));
    cpu::LayerNormCodes(x.raw(), x.dtype(), x.shape().outer(x.rank() - 1), x.dim(-1),
                        gamma.empty() ? nullptr : gamma.data<float>(),
                        beta.empty() ? nullptr : beta.data<float>(), eps, cpu::CodeMaker(codes),
                        output.mutable_data<uint8_t>());
    return output;
  }

  absl::StatusOr<Tensor> Attention(const Columns& q, const Columns& k, const Columns& v,
                                   const AttentionSpec& spec, const Allocator& allocator) override {
    UseThreads();
    const auto matrix = [](const Columns& columns) {
      return cpu::AttentionCall::Matrix{
          columns.tensor.raw() +
              columns.first * static_cast<int64_t>(SizeOf(columns.tensor.dtype())),
          columns.tensor.dim(1), columns.tensor.dim(2)};
    };
    cpu::AttentionCall call;
    call.q = matrix(q);
    call.k = matrix(k);
    call.v = matrix(v);
    call.batch = q.tensor.dim(0);
    call.heads = spec.heads;
    call.q_width = q.count / spec.heads;
    call.v_width = v.count / spec.heads;
    call.scale = spec.scale;
    call.causal = spec.causal;
    call.dtype = q.tensor.dtype();
    call.threads = Threads();
    WEFT_ASSIGN_OR_RETURN(Tensor output, Tensor::Allocate(allocator, call.dtype,
                                                          Shape{call.batch, call.q.rows, v.count}));
    const auto bytes = [&](size_t count) {
      return Tensor::Allocate(allocator, DType::kU8, Shape{static_cast<int64_t>(count)});
    };
    WEFT_ASSIGN_OR_RETURN(Tensor packed, bytes(AttentionPackedBytes(call.heads, call.k.rows,
                                                                    call.q_width, call.v_width)));
    WEFT_ASSIGN_OR_RETURN(Tensor workspace,
                          bytes(static_cast<size_t>(call.threads) *
                                AttentionWorkspaceBytes(call.q_width, call.v_width)));
    call.output = output.mutable_data<std::byte>();
    call.packed = packed.mutable_data<std::byte>();
    call.workspace = workspace.mutable_data<std::byte>();
    cpu::Attention(call);
    return output;
  }

  absl::StatusOr<NearestRow> NearestRows(const Tensor& x, absl::Span<const int32_t> from,
                                         absl::Span<const int32_t> among,
                                         const Allocator& allocator) override {
    return FindNearestRows(x, from, among, allocator);
  }

  absl::StatusOr<Tensor> Activate(Tensor x, Activation activation,
                                  const Allocator& allocator) override {
    UseThreads();
    const Tensor from = x.unique() ? Tensor() : x;
    const std::byte* input = x.raw();
    WEFT_ASSIGN_OR_RETURN(Tensor output, InPlaceOf(std::move(x), allocator));
    cpu::Activate(input, output.mutable_data<std::byte>(), output.dtype(), output.numel(),
                  activation);
    return output;
  }

  absl::StatusOr<Tensor> Add(Tensor x, const Tensor& y, const Allocator& allocator) override {
    UseThreads();
    const Tensor from = x.unique() ? Tensor() : x;
    const std::byte* input = x.raw();
    WEFT_ASSIGN_OR_RETURN(Tensor output, InPlaceOf(std::move(x), allocator));
    cpu::Add(input, y.raw(), output.mutable_data<std::byte>(), output.dtype(), output.numel());
    return output;
  }

  absl::StatusOr<Tensor> ToChannelsLast(const Tensor& x, DType compute,
                                        const Allocator& allocator) override {
    UseThreads();
    WEFT_ASSIGN_OR_RETURN(
        Tensor output,
        Tensor::Allocate(allocator, compute, Shape{x.dim(0), x.dim(2), x.dim(3), x.dim(1)}));
    const int64_t each = x.shape().inner(1);
    for (int64_t b = 0; b < x.dim(0); ++b) {
      cpu::ToChannelsLast(
          x.data<float>() + b * each, x.dim(1), x.shape().inner(2),
          output.mutable_data<std::byte>() + b * each * static_cast<int64_t>(SizeOf(compute)),
          compute);
    }
    return output;
  }

  absl::StatusOr<Tensor> ToChannelsFirst(const Tensor& x, const Allocator& allocator) override {
    UseThreads();
    WEFT_ASSIGN_OR_RETURN(
        Tensor output,
        Tensor::Allocate(allocator, DType::kF32, Shape{x.dim(0), x.dim(3), x.dim(1), x.dim(2)}));
    const int64_t each = x.shape().inner(1);
    for (int64_t b = 0; b < x.dim(0); ++b) {
      cpu::ToChannelsFirst(x.raw() + b * each * static_cast<int64_t>(SizeOf(x.dtype())), x.dtype(),
                           x.dim(3), x.dim(1) * x.dim(2), output.mutable_data<float>() + b * each);
    }
    return output;
  }

 private:
  // Fills in what `call` lacks, and runs it.
  static absl::Status Normalise(cpu::GroupNormCall call, absl::Span<const Tensor> sources,
                                const Tensor& gamma, const Tensor& beta,
                                const Allocator& allocator) {
    UseThreads();
    std::vector<cpu::ChannelSource> parts;
    for (const Tensor& source : sources) {
      parts.push_back({source.raw(), source.dim(-1)});
      call.channels += source.dim(-1);
    }
    const Tensor& first = sources[0];
    call.sources = parts;
    call.batch = first.dim(0);
    call.pixels = first.numel() / first.dim(0) / first.dim(-1);
    call.dtype = first.dtype();
    call.gamma = gamma.empty() ? nullptr : gamma.data<float>();
    call.beta = beta.empty() ? nullptr : beta.data<float>();
    WEFT_ASSIGN_OR_RETURN(
        Tensor scratch,
        Tensor::Allocate(allocator, DType::kF32,
                         Shape{cpu::GroupNormScratch(call.batch, call.pixels, call.channels)}));
    call.scratch = scratch.mutable_data<float>();
    cpu::GroupNorm(call);
    return absl::OkStatus();
  }
  // x itself where it is the last reference, else memory of the same shape.
  static absl::StatusOr<Tensor> InPlaceOf(Tensor x, const Allocator& allocator) {
    if (x.unique()) return x;
    return Tensor::Allocate(allocator, x.dtype(), x.shape());
  }
};

}  // namespace

std::unique_ptr<Backend> MakeCpuBackend() { return std::make_unique<CpuBackend>(); }

void SetThreads(int threads) { thread_count = std::max(threads, 0); }

int Threads() {
  const int threads = thread_count;
  return threads > 0 ? threads : std::max(omp_get_num_procs(), 1);
}

DType BestCompute() {
  // Instruction sets are masks in oneDNN, each with the bits of those it includes.
  const auto have = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  const auto want = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
  return (have & want) == want ? DType::kBF16 : DType::kF32;
}

bool SupportsInt8() {
  const auto have = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  const auto want = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_vnni);
  return (have & want) == want && cpu::HasInt8Dot();
}

bool SupportsBf16() { return BestCompute() == DType::kBF16; }

}  // namespace weft
