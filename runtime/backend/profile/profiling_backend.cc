#include "runtime/backend/profile/profiling_backend.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// What was packed, with what the profile says of it.
struct ProfiledConv : Packed {
  std::shared_ptr<const Packed> inner;
  ConvSpec spec;
  bool int8 = false;
};
struct ProfiledLinear : Packed {
  std::shared_ptr<const Packed> inner;
  int64_t in = 0;
  int64_t out = 0;
  bool gated = false;
  bool int8 = false;
};

double Bytes(const Tensor& x) { return x.empty() ? 0.0 : static_cast<double>(x.bytes()); }

// "2x64x64 320+640": the outer extents, then the channels of all sources.
std::string SourcesText(absl::Span<const Tensor> sources) {
  const auto dims = sources[0].shape().dims();
  return absl::StrCat(absl::StrJoin(dims.subspan(0, dims.size() - 1), "x"), " ",
                      absl::StrJoin(sources, "+", [](std::string* out, const Tensor& source) {
                        absl::StrAppend(out, source.dim(-1));
                      }));
}

// Runs `call` and gives its seconds.
template <typename Call>
double Timed(const Call& call) {
  const auto begin = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

double Roofline::Seconds(const KernelProfile& kernel) const {
  const double most = kernel.dtype == DType::kU8 ? int8_per_second : flops_per_second;
  return std::max(most > 0 ? kernel.flops / most : 0.0,
                  bytes_per_second > 0 ? kernel.bytes / bytes_per_second : 0.0);
}

ProfilingBackend::ProfilingBackend(Backend& inner)
    : inner_(inner), name_(absl::StrCat(inner.name(), ", profiled")) {}

std::vector<KernelProfile> ProfilingBackend::Kernels() const {
  const absl::MutexLock lock(&mutex_);
  std::vector<KernelProfile> sorted = kernels_;
  std::stable_sort(
      sorted.begin(), sorted.end(),
      [](const KernelProfile& a, const KernelProfile& b) { return a.seconds > b.seconds; });
  return sorted;
}

void ProfilingBackend::Clear() {
  const absl::MutexLock lock(&mutex_);
  kernels_.clear();
}

void ProfilingBackend::Note(const KernelProfile& call) {
  const absl::MutexLock lock(&mutex_);
  for (KernelProfile& kernel : kernels_) {
    if (kernel.kernel == call.kernel && kernel.shape == call.shape && kernel.dtype == call.dtype) {
      ++kernel.calls;
      kernel.seconds += call.seconds;
      kernel.flops += call.flops;
      kernel.bytes += call.bytes;
      return;
    }
  }
  kernels_.push_back(call);
  kernels_.back().calls = 1;
}

absl::StatusOr<std::shared_ptr<const Packed>> ProfilingBackend::PackConv(
    const ConvSpec& spec, const Tensor& weight, const Tensor& bias,
    absl::Span<const Tensor> sources, DType compute, const Allocator& allocator) {
  auto packed = std::make_shared<ProfiledConv>();
  packed->spec = spec;
  WEFT_ASSIGN_OR_RETURN(packed->inner,
                        inner_.PackConv(spec, weight, bias, sources, compute, allocator));
  return packed;
}

absl::StatusOr<std::shared_ptr<const Packed>> ProfilingBackend::PackConvForOneUse(
    const ConvSpec& spec, const Tensor& weight, const Tensor& bias,
    absl::Span<const Tensor> sources, DType compute, const Allocator& allocator) {
  auto packed = std::make_shared<ProfiledConv>();
  packed->spec = spec;
  WEFT_ASSIGN_OR_RETURN(packed->inner,
                        inner_.PackConvForOneUse(spec, weight, bias, sources, compute, allocator));
  return packed;
}

absl::StatusOr<Tensor> ProfilingBackend::Conv2d(const Packed& packed,
                                                absl::Span<const Tensor> sources, Epilogue epilogue,
                                                const Allocator& allocator) {
  const auto& conv = static_cast<const ProfiledConv&>(packed);
  const ConvSpec& spec = conv.spec;
  KernelProfile call{.kernel = absl::StrCat("conv ", spec.kernel, "x", spec.kernel,
                                            spec.stride > 1 ? absl::StrCat(" /", spec.stride) : "",
                                            spec.upsample ? " x2" : ""),
                     .shape = absl::StrCat(SourcesText(sources), " -> ", spec.out_channels),
                     .dtype = conv.int8 ? DType::kU8 : sources[0].dtype()};
  for (const Tensor& source : sources) call.bytes += Bytes(source);
  call.bytes += Bytes(epilogue.residual);
  absl::StatusOr<Tensor> output;
  call.seconds =
      Timed([&] { output = inner_.Conv2d(*conv.inner, sources, std::move(epilogue), allocator); });
  if (output.ok()) {
    // A doubled picture needs the four phases of its kernel alone: 2x2 taps of 3x3.
    const double taps =
        spec.upsample && spec.kernel == 3 ? 4.0 : static_cast<double>(spec.kernel * spec.kernel);
    call.flops =
        2.0 * static_cast<double>(output->numel()) * taps * static_cast<double>(spec.in_channels);
    call.bytes += Bytes(*output) + static_cast<double>(spec.out_channels * spec.in_channels *
                                                       spec.kernel * spec.kernel) *
                                       static_cast<double>(SizeOf(call.dtype));
    Note(call);
  }
  return output;
}

absl::StatusOr<std::shared_ptr<const Packed>> ProfilingBackend::PackLinear(
    const Tensor& weight, const Tensor& bias, bool gated, const Tensor& x, DType compute,
    const Allocator& allocator) {
  auto packed = std::make_shared<ProfiledLinear>();
  packed->out = weight.dim(0);
  packed->in = weight.dim(1);
  packed->gated = gated;
  WEFT_ASSIGN_OR_RETURN(packed->inner,
                        inner_.PackLinear(weight, bias, gated, x, compute, allocator));
  return packed;
}

absl::StatusOr<Tensor> ProfilingBackend::Linear(const Packed& packed, const Tensor& x,
                                                Epilogue epilogue, const Allocator& allocator) {
  const auto& linear = static_cast<const ProfiledLinear&>(packed);
  const int64_t count = x.numel() / x.dim(-1);
  const auto rows = static_cast<double>(count);
  KernelProfile call{.kernel = linear.gated ? "linear, gated" : "linear",
                     .shape = absl::StrCat(count, " ", linear.in, " -> ", linear.out),
                     .dtype = linear.int8 ? DType::kU8 : x.dtype(),
                     .flops = 2.0 * rows * static_cast<double>(linear.in * linear.out),
                     .bytes = Bytes(x) + Bytes(epilogue.residual)};
  call.bytes +=
      static_cast<double>(linear.in * linear.out) * static_cast<double>(SizeOf(call.dtype));
  absl::StatusOr<Tensor> output;
  call.seconds =
      Timed([&] { output = inner_.Linear(*linear.inner, x, std::move(epilogue), allocator); });
  if (output.ok()) {
    call.bytes += Bytes(*output);
    Note(call);
  }
  return output;
}

absl::StatusOr<std::shared_ptr<const Packed>> ProfilingBackend::PackConvInt8(
    const ConvSpec& spec, const Tensor& weight, const Tensor& bias, const Int8Input& input,
    absl::Span<const Tensor> sources, DType compute, const Allocator& allocator) {
  auto packed = std::make_shared<ProfiledConv>();
  packed->spec = spec;
  packed->int8 = true;
  WEFT_ASSIGN_OR_RETURN(
      packed->inner, inner_.PackConvInt8(spec, weight, bias, input, sources, compute, allocator));
  return packed;
}

absl::StatusOr<std::shared_ptr<const Packed>> ProfilingBackend::PackLinearInt8(
    const Tensor& weight, const Tensor& bias, bool gated, const Int8Input& input, const Tensor& x,
    DType compute, const Allocator& allocator) {
  auto packed = std::make_shared<ProfiledLinear>();
  packed->out = weight.dim(0);
  packed->in = weight.dim(1);
  packed->gated = gated;
  packed->int8 = true;
  WEFT_ASSIGN_OR_RETURN(packed->inner,
                        inner_.PackLinearInt8(weight, bias, gated, input, x, compute, allocator));
  return packed;
}

absl::StatusOr<Tensor> ProfilingBackend::GroupNormInt8(
    absl::Span<const Tensor> sources, const Tensor& gamma, const Tensor& beta, int64_t groups,
    float eps, Activation activation, const Int8Input& codes, const ConvSpec* reader,
    const Allocator& allocator) {
  KernelProfile call{
      .kernel = "group norm to codes", .shape = SourcesText(sources), .dtype = sources[0].dtype()};
  for (const Tensor& source : sources) call.bytes += Bytes(source);
  absl::StatusOr<Tensor> output;
  call.seconds = Timed([&] {
    output = inner_.GroupNormInt8(sources, gamma, beta, groups, eps, activation, codes, reader,
                                  allocator);
  });
  if (output.ok()) call.bytes += Bytes(*output);
  Note(call);
  return output;
}

absl::StatusOr<Tensor> ProfilingBackend::LayerNormInt8(const Tensor& x, const Tensor& gamma,
                                                       const Tensor& beta, float eps,
                                                       const Int8Input& codes,
                                                       const Allocator& allocator) {
  KernelProfile call{
      .kernel = "layer norm to codes", .shape = SourcesText({x}), .dtype = x.dtype()};
  absl::StatusOr<Tensor> output;
  call.seconds =
      Timed([&] { output = inner_.LayerNormInt8(x, gamma, beta, eps, codes, allocator); });
  if (output.ok()) call.bytes = Bytes(x) + Bytes(*output);
  Note(call);
  return output;
}

absl::StatusOr<Tensor> ProfilingBackend::GroupNorm(absl::Span<Tensor> sources, const Tensor& gamma,
                                                   const Tensor& beta, int64_t groups, float eps,
                                                   Activation activation,
                                                   const Allocator& allocator) {
  KernelProfile call{
      .kernel = "group norm", .shape = SourcesText(sources), .dtype = sources[0].dtype()};
  for (const Tensor& source : sources) call.bytes += 2 * Bytes(source);
  absl::StatusOr<Tensor> output;
  call.seconds = Timed(
      [&] { output = inner_.GroupNorm(sources, gamma, beta, groups, eps, activation, allocator); });
  Note(call);
  return output;
}

absl::StatusOr<Tensor> ProfilingBackend::LayerNorm(const Tensor& x, const Tensor& gamma,
                                                   const Tensor& beta, float eps,
                                                   const Allocator& allocator) {
  KernelProfile call{
      .kernel = "layer norm", .shape = SourcesText({x}), .dtype = x.dtype(), .bytes = 2 * Bytes(x)};
  absl::StatusOr<Tensor> output;
  call.seconds = Timed([&] { output = inner_.LayerNorm(x, gamma, beta, eps, allocator); });
  Note(call);
  return output;
}

absl::StatusOr<Tensor> ProfilingBackend::Attention(const Columns& q, const Columns& k,
                                                   const Columns& v, const AttentionSpec& spec,
                                                   const Allocator& allocator) {
  const int64_t batch = q.tensor.dim(0);
  const int64_t rows = q.tensor.dim(1);
  const int64_t keys = k.tensor.dim(1);
  const double size = static_cast<double>(SizeOf(q.tensor.dtype()));
  KernelProfile call{
      .kernel = "attention",
      .shape = absl::StrCat(batch, " x ", spec.heads, " heads of ", q.count / spec.heads, ", ",
                            rows, " x ", keys),
      .dtype = q.tensor.dtype(),
      .flops = 2.0 * static_cast<double>(batch * rows * keys) *
               static_cast<double>(q.count + v.count) * (spec.causal ? 0.5 : 1.0),
      .bytes = size * static_cast<double>(batch) *
               static_cast<double>(rows * (q.count + v.count) + keys * (k.count + v.count))};
  absl::StatusOr<Tensor> output;
  call.seconds = Timed([&] { output = inner_.Attention(q, k, v, spec, allocator); });
  Note(call);
  return output;
}

absl::StatusOr<NearestRow> ProfilingBackend::NearestRows(const Tensor& x,
                                                         absl::Span<const int32_t> from,
                                                         absl::Span<const int32_t> among,
                                                         const Allocator& allocator) {
  KernelProfile call{
      .kernel = "nearest rows",
      .shape = absl::StrCat(SourcesText({x}), ", ", from.size(), " among ", among.size()),
      .dtype = x.dtype(),
      .flops = 2.0 * static_cast<double>(x.dim(0) * x.dim(2)) *
               static_cast<double>(from.size() * among.size())};
  absl::StatusOr<NearestRow> nearest;
  call.seconds = Timed([&] { nearest = inner_.NearestRows(x, from, among, allocator); });
  if (nearest.ok()) {
    call.bytes = Bytes(x) + Bytes(nearest->index) + Bytes(nearest->cosine);
    Note(call);
  }
  return nearest;
}

absl::StatusOr<Tensor> ProfilingBackend::Activate(Tensor x, Activation activation,
                                                  const Allocator& allocator) {
  KernelProfile call{
      .kernel = "activate", .shape = SourcesText({x}), .dtype = x.dtype(), .bytes = 2 * Bytes(x)};
  absl::StatusOr<Tensor> output;
  call.seconds = Timed([&] { output = inner_.Activate(std::move(x), activation, allocator); });
  Note(call);
  return output;
}

absl::StatusOr<Tensor> ProfilingBackend::Add(Tensor x, const Tensor& y,
                                             const Allocator& allocator) {
  KernelProfile call{
      .kernel = "add", .shape = SourcesText({x}), .dtype = x.dtype(), .bytes = 3 * Bytes(x)};
  absl::StatusOr<Tensor> output;
  call.seconds = Timed([&] { output = inner_.Add(std::move(x), y, allocator); });
  Note(call);
  return output;
}

absl::StatusOr<Tensor> ProfilingBackend::ToChannelsLast(const Tensor& x, DType compute,
                                                        const Allocator& allocator) {
  KernelProfile call{.kernel = "to channels last",
                     .shape = absl::StrJoin(x.shape().dims(), "x"),
                     .dtype = compute,
                     .bytes = 2 * Bytes(x)};
  absl::StatusOr<Tensor> output;
  call.seconds = Timed([&] { output = inner_.ToChannelsLast(x, compute, allocator); });
  Note(call);
  return output;
}

absl::StatusOr<Tensor> ProfilingBackend::ToChannelsFirst(const Tensor& x,
                                                         const Allocator& allocator) {
  KernelProfile call{.kernel = "to channels first",
                     .shape = absl::StrJoin(x.shape().dims(), "x"),
                     .dtype = x.dtype(),
                     .bytes = 2 * Bytes(x)};
  absl::StatusOr<Tensor> output;
  call.seconds = Timed([&] { output = inner_.ToChannelsFirst(x, allocator); });
  Note(call);
  return output;
}

absl::StatusOr<Roofline> MeasureRoofline(Backend& backend, DType compute) {
  const Allocator allocator(backend.device());
  const auto filled = [&](Shape shape, DType dtype) -> absl::StatusOr<Tensor> {
    WEFT_ASSIGN_OR_RETURN(Tensor x, Tensor::Allocate(allocator, dtype, std::move(shape)));
    std::fill_n(x.mutable_data<std::byte>(), x.numel() * static_cast<int64_t>(SizeOf(dtype)),
                std::byte{0});
    return x;
  };
  constexpr int kRounds = 5;
  Roofline roofline;

  constexpr int64_t kRows = 4096;
  constexpr int64_t kWidth = 1280;
  WEFT_ASSIGN_OR_RETURN(const Tensor weight, filled(Shape{kWidth, kWidth}, DType::kF32));
  WEFT_ASSIGN_OR_RETURN(const Tensor x, filled(Shape{1, kRows, kWidth}, compute));
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const Packed> packed,
                        backend.PackLinear(weight, Tensor(), false, x, compute, allocator));
  const auto fastest = [&](const Packed& product) -> absl::StatusOr<double> {
    double most = 0;
    for (int i = 0; i < kRounds; ++i) {
      absl::Status status;
      const double seconds =
          Timed([&] { status = backend.Linear(product, x, {}, allocator).status(); });
      WEFT_RETURN_IF_ERROR(status);
      most = std::max(most, 2.0 * static_cast<double>(kRows * kWidth * kWidth) / seconds);
    }
    return most;
  };
  WEFT_ASSIGN_OR_RETURN(roofline.flops_per_second, fastest(*packed));
  if (backend.HasInt8(compute)) {
    const Int8Input input{std::vector<float>(kWidth, 1.0f), std::vector<uint8_t>(kWidth, 128)};
    WEFT_ASSIGN_OR_RETURN(
        const std::shared_ptr<const Packed> codes,
        backend.PackLinearInt8(weight, Tensor(), false, input, x, compute, allocator));
    WEFT_ASSIGN_OR_RETURN(roofline.int8_per_second, fastest(*codes));
  }

  constexpr int64_t kLarge = int64_t{16} << 20;
  WEFT_ASSIGN_OR_RETURN(Tensor a, filled(Shape{1, kLarge}, DType::kF32));
  WEFT_ASSIGN_OR_RETURN(const Tensor b, filled(Shape{1, kLarge}, DType::kF32));
  for (int i = 0; i < kRounds; ++i) {
    absl::StatusOr<Tensor> sum;
    const double bytes = 3 * Bytes(a);
    const double seconds = Timed([&] { sum = backend.Add(std::move(a), b, allocator); });
    WEFT_ASSIGN_OR_RETURN(a, std::move(sum));
    roofline.bytes_per_second = std::max(roofline.bytes_per_second, bytes / seconds);
  }
  return roofline;
}

}  // namespace weft
