// Convolutions, linear layers, norms and attention: shapes are checked here, so that a backend can
// rely on them.
#include "runtime/ops/ops.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/ops/layer_observer.h"
#include "runtime/ops/live_adapters.h"
#include "runtime/ops/pack.h"

namespace weft {
namespace {

// "conv2d down_blocks.0.resnets.0.conv1"
std::string Where(absl::string_view op, const Weight& weight) {
  if (weight.name().empty()) return std::string(op);
  absl::string_view name = weight.name();
  if (const size_t dot = name.rfind('.'); dot != absl::string_view::npos) {
    name = name.substr(0, dot);
  }
  return absl::StrCat(op, " ", name);
}

// An activation: of the compute type, of this rank, with no empty axis.
absl::Status CheckActivation(absl::string_view where, absl::string_view what, const Tensor& x,
                             DType compute, int rank) {
  if (x.empty()) return Invalid(where, ": ", what, " is missing");
  if (x.dtype() != compute) {
    return Invalid(where, ": ", what, " is ", Name(x.dtype()), ", the run computes in ",
                   Name(compute));
  }
  if (rank > 0 && x.rank() != rank) {
    return Invalid(where, ": ", what, " has shape ", x.shape().ToString(), ", expected ", rank,
                   " axes");
  }
  if (x.rank() == 0 || x.numel() == 0) {
    return Invalid(where, ": ", what, " has shape ", x.shape().ToString(),
                   ", which holds no values");
  }
  return absl::OkStatus();
}

absl::Status CheckWeight(absl::string_view where, const Weight& weight, int64_t elements,
                         const Shape& expected) {
  if (weight.shape().numel() != elements) {
    return Invalid(where, ": weight ", weight.name(), " has shape ", weight.shape().ToString(),
                   ", expected ", expected.ToString());
  }
  return absl::OkStatus();
}

absl::Status CheckEpilogue(absl::string_view where, const Epilogue& epilogue, const Shape& output,
                           DType compute) {
  if (!epilogue.per_channel.empty()) {
    const Shape expected{output.dim(0), output.dim(-1)};
    WEFT_RETURN_IF_ERROR(CheckActivation(where, "per_channel", epilogue.per_channel, compute, 0));
    if (epilogue.gated || !(epilogue.per_channel.shape() == expected)) {
      return Invalid(where, ": per_channel has shape ", epilogue.per_channel.shape().ToString(),
                     ", expected ", expected.ToString());
    }
  }
  if (!epilogue.residual.empty()) {
    WEFT_RETURN_IF_ERROR(CheckActivation(where, "residual", epilogue.residual, compute, 0));
    if (!(epilogue.residual.shape() == output)) {
      return Invalid(where, ": residual has shape ", epilogue.residual.shape().ToString(),
                     ", the result has ", output.ToString());
    }
  }
  return absl::OkStatus();
}

// Sources that stand side by side in the channel axis: alike but for it. Sums their channels.
absl::StatusOr<int64_t> CheckSources(absl::string_view where, const Sources& sources, DType compute,
                                     int rank) {
  if (sources.empty()) return Invalid(where, ": has no input");
  int64_t channels = 0;
  for (const Tensor& source : sources) {
    WEFT_RETURN_IF_ERROR(CheckActivation(where, "input", source, compute, rank));
    bool alike = source.rank() == sources[0].rank() && source.rank() >= 2;
    for (int i = 0; alike && i + 1 < source.rank(); ++i) {
      alike = source.dim(i) == sources[0].dim(i);
    }
    if (!alike) {
      return Invalid(where, ": inputs ", sources[0].shape().ToString(), " and ",
                     source.shape().ToString(), " differ in more than their channels");
    }
    channels += source.dim(-1);
  }
  return channels;
}

// Whether a norm has told its result in codes of 8 bits.
bool IsCodes(const Sources& sources) {
  return sources.size() == 1 && sources[0].dtype() == DType::kU8;
}

absl::StatusOr<Shape> ConvShape(absl::string_view where, const ConvSpec& spec, const Shape& in) {
  if (spec.upsample && (spec.stride != 1 || spec.kernel % 2 == 0 ||
                        spec.pad_begin != spec.kernel / 2 || spec.pad_end != spec.kernel / 2)) {
    return Invalid(where, ": upsampling takes an odd kernel, stride 1 and padding kernel / 2; got ",
                   spec.kernel, ", ", spec.stride, ", ", spec.pad_begin, " and ", spec.pad_end);
  }
  if (spec.kernel < 1 || spec.stride < 1 || spec.pad_begin < 0 || spec.pad_end < 0) {
    return Invalid(where, ": kernel ", spec.kernel, ", stride ", spec.stride, " and padding ",
                   spec.pad_begin, ", ", spec.pad_end, " make no convolution");
  }
  const int64_t factor = spec.upsample ? 2 : 1;
  const auto extent = [&](int64_t size) {
    const int64_t room = size * factor + spec.pad_begin + spec.pad_end - spec.kernel;
    return room < 0 ? 0 : room / spec.stride + 1;
  };
  const Shape out{in.dim(0), extent(in.dim(1)), extent(in.dim(2)), spec.out_channels};
  if (out.numel() == 0) {
    return Invalid(where, ": a picture of ", in.dim(1), "×", in.dim(2),
                   " is too small for a kernel of ", spec.kernel);
  }
  return out;
}

}  // namespace

bool Ops::Proceed() {
  if (status_.ok() && cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed)) {
    status_ = absl::CancelledError("cancelled");
  }
  return status_.ok();
}

Tensor Ops::Keep(absl::StatusOr<Tensor> result) {
  if (result.ok()) return *std::move(result);
  Fail(std::move(result).status());
  return Tensor();
}

absl::StatusOr<Tensor> Ops::Finish(Tensor result) {
  if (!status_.ok()) return std::exchange(status_, absl::OkStatus());
  if (result.empty()) return absl::InternalError("a network returned no tensor");
  return result;
}

void Ops::BeginNetwork(std::shared_ptr<const WeightStore> weights, bool int8) {
  weights_ = std::move(weights);
  // Whoever looks on learns from values.
  const bool can = backend_.HasInt8(compute_) && backend_.observer() == nullptr;
  int8_ = can && int8;
  between_int8_ = can && !int8;
}

Reader ReaderOf(const ConvWeights& conv) {
  // Doubled pictures are read with other borders; adapters beside the layer read values.
  const bool reads = conv.int8 != nullptr && conv.live == nullptr && !conv.spec.upsample;
  return {reads ? conv.int8.get() : nullptr, &conv.spec};
}

Reader ReaderOf(const LinearWeights& linear) {
  return {linear.live == nullptr ? linear.int8.get() : nullptr, nullptr};
}

Tensor Ops::Conv2d(const ConvWeights& conv, Sources sources, Epilogue epilogue) {
  if (!Proceed()) return Tensor();
  const auto run = [&]() -> absl::StatusOr<Tensor> {
    const std::string where = Where("conv2d", conv.weight);
    const ConvSpec& spec = conv.spec;
    const bool codes = int8_ && conv.int8 != nullptr && IsCodes(sources);
    WEFT_ASSIGN_OR_RETURN(const int64_t channels,
                          CheckSources(where, sources, codes ? DType::kU8 : compute_, 4));
    if (channels != spec.in_channels) {
      return Invalid(where, ": input has ", channels, " channels, the weight expects ",
                     spec.in_channels);
    }
    const Shape expected{spec.out_channels, spec.in_channels, spec.kernel, spec.kernel};
    WEFT_RETURN_IF_ERROR(CheckWeight(where, conv.weight, expected.numel(), expected));
    if (!conv.bias.empty()) {
      WEFT_RETURN_IF_ERROR(
          CheckWeight(where, conv.bias, spec.out_channels, Shape{spec.out_channels}));
    }
    const int64_t border = codes ? spec.pad_begin + spec.pad_end : 0;  // which codes have already
    const Shape in = sources[0].shape();
    WEFT_ASSIGN_OR_RETURN(
        const Shape output,
        ConvShape(where, spec, {in.dim(0), in.dim(1) - border, in.dim(2) - border, in.dim(3)}));
    WEFT_RETURN_IF_ERROR(CheckEpilogue(where, epilogue, output, compute_));
    if (epilogue.gated) return Invalid(where, ": a convolution cannot be gated");
    absl::StatusOr<Tensor> result = RunConv2d(conv, sources, std::move(epilogue));
    if (!result.ok()) return Annotate(Located(result.status(), {&conv.weight, 1}), where);
    return result;
  };
  if (conv.live == nullptr) return Keep(run());
  // What comes before the activation is not complete until the adapters have been added.
  const Activation activation = std::exchange(epilogue.activation, Activation::kNone);
  Tensor residual;
  if (activation != Activation::kNone) residual = std::exchange(epilogue.residual, Tensor());
  Tensor y = AddLive(*conv.live, sources, Keep(run()));
  if (activation != Activation::kNone) y = Activate(std::move(y), activation);
  return residual.empty() ? y : Add(std::move(y), residual);
}

absl::StatusOr<Tensor> Ops::RunConv2d(const ConvWeights& conv, const Sources& sources,
                                      Epilogue epilogue) {
  const auto run = [&](Epilogue last) -> absl::StatusOr<Tensor> {
    const bool int8 = int8_ && conv.int8 != nullptr;
    WEFT_ASSIGN_OR_RETURN(
        const auto packed,
        PackedConvOf(conv, sources, int8, {backend_, compute_, allocator_, KeepOf(conv.int8)}));
    return backend_.Conv2d(*packed, sources, std::move(last), allocator_);
  };
  LayerObserver* const observer = weights_ != nullptr ? backend_.observer() : nullptr;
  if (observer == nullptr) return run(std::move(epilogue));
  return observer->Conv2d(*weights_, conv, sources, std::move(epilogue), run);
}

absl::StatusOr<Tensor> Ops::RunLinear(const LinearWeights& linear, const Tensor& x,
                                      Epilogue epilogue) {
  const auto run = [&](Epilogue last) -> absl::StatusOr<Tensor> {
    const bool int8 = int8_ && linear.int8 != nullptr;
    WEFT_ASSIGN_OR_RETURN(
        const auto packed,
        PackedLinearOf(linear, x, int8, {backend_, compute_, allocator_, KeepOf(linear.int8)}));
    return backend_.Linear(*packed, x, std::move(last), allocator_);
  };
  LayerObserver* const observer = weights_ != nullptr ? backend_.observer() : nullptr;
  if (observer == nullptr) return run(std::move(epilogue));
  return observer->Linear(*weights_, linear, x, std::move(epilogue), run);
}

Tensor Ops::Linear(const LinearWeights& linear, Tensor x, Epilogue epilogue) {
  if (!Proceed()) return Tensor();
  if (linear.live != nullptr) {
    epilogue.addend = LiveAddend(*linear.live, x);
    if (!status_.ok()) return Tensor();
  }
  const auto run = [&]() -> absl::StatusOr<Tensor> {
    const std::string where =
        Where("linear", linear.weights.empty() ? Weight() : linear.weights[0]);
    const bool codes = int8_ && linear.int8 != nullptr && x.dtype() == DType::kU8;
    WEFT_RETURN_IF_ERROR(CheckActivation(where, "input", x, codes ? DType::kU8 : compute_, 0));
    if (x.dim(-1) != linear.in) {
      return Invalid(where, ": input has shape ", x.shape().ToString(), ", the weight expects ",
                     linear.in, " columns");
    }
    int64_t rows = 0;
    for (const Weight& weight : linear.weights) {
      const int64_t part = weight.shape().rank() > 0 ? weight.shape().dim(0) : 0;
      WEFT_RETURN_IF_ERROR(CheckWeight(where, weight, part * linear.in, Shape{part, linear.in}));
      rows += part;
    }
    if (rows != linear.out || rows == 0 || (linear.gated && rows % 2 != 0)) {
      return Invalid(where, ": the weights have ", rows, " rows, expected ", linear.out,
                     linear.gated ? " (an even number)" : "");
    }
    int64_t biases = 0;
    for (const Weight& bias : linear.biases) biases += bias.shape().numel();
    if (!linear.biases.empty() && biases != linear.out) {
      return Invalid(where, ": the biases have ", biases, " values, expected ", linear.out);
    }
    std::vector<int64_t> dims(x.shape().dims().begin(), x.shape().dims().end());
    dims.back() = linear.gated ? linear.out / 2 : linear.out;
    epilogue.gated = linear.gated;
    if (!int8_ || linear.int8 == nullptr || !epilogue.residual.empty()) epilogue.codes = nullptr;
    WEFT_RETURN_IF_ERROR(CheckEpilogue(where, epilogue, Shape(dims), compute_));
    if (!epilogue.addend.empty() && epilogue.addend.numel() / linear.out * linear.in != x.numel()) {
      return Invalid(where, ": addend has shape ", epilogue.addend.shape().ToString(),
                     ", expected rows of ", linear.out);
    }
    absl::StatusOr<Tensor> result = RunLinear(linear, x, std::move(epilogue));
    if (!result.ok()) return Annotate(Located(result.status(), linear.weights), where);
    return result;
  };
  return Keep(run());
}

Tensor Ops::GroupNorm(const NormWeights& norm, Sources sources, int64_t groups,
                      Activation activation, Reader reader) {
  if (!Proceed()) return Tensor();
  const auto run = [&]() -> absl::StatusOr<Tensor> {
    const std::string where = Where("group_norm", norm.gamma);
    WEFT_ASSIGN_OR_RETURN(const int64_t channels, CheckSources(where, sources, compute_, 0));
    if (channels != norm.channels) {
      return Invalid(where, ": input has ", channels, " channels, the weight expects ",
                     norm.channels);
    }
    if (groups < 1 || channels % groups != 0) {
      return Invalid(where, ": ", channels, " channels cannot be divided into ", groups, " groups");
    }
    for (const Weight* weight : {&norm.gamma, &norm.beta}) {
      if (weight->empty()) continue;
      WEFT_RETURN_IF_ERROR(CheckWeight(where, *weight, channels, Shape{channels}));
    }
    WEFT_ASSIGN_OR_RETURN(const auto packed,
                          PackedNormOf(norm, {backend_, compute_, allocator_, keep_}));
    if (int8_ && reader.int8 != nullptr) {
      return backend_.GroupNormInt8(sources, packed->gamma, packed->beta, groups, norm.eps,
                                    activation, *reader.int8, reader.conv, allocator_);
    }
    return backend_.GroupNorm(absl::MakeSpan(sources), packed->gamma, packed->beta, groups,
                              norm.eps, activation, allocator_);
  };
  return Keep(run());
}

Tensor Ops::LayerNorm(const NormWeights& norm, Tensor x, Reader reader) {
  if (!Proceed()) return Tensor();
  const auto run = [&]() -> absl::StatusOr<Tensor> {
    const std::string where = Where("layer_norm", norm.gamma);
    WEFT_RETURN_IF_ERROR(CheckActivation(where, "input", x, compute_, 0));
    if (x.dim(-1) != norm.channels) {
      return Invalid(where, ": input has shape ", x.shape().ToString(), ", the weight expects ",
                     norm.channels, " columns");
    }
    for (const Weight* weight : {&norm.gamma, &norm.beta}) {
      if (weight->empty()) continue;
      WEFT_RETURN_IF_ERROR(CheckWeight(where, *weight, norm.channels, Shape{norm.channels}));
    }
    WEFT_ASSIGN_OR_RETURN(const auto packed,
                          PackedNormOf(norm, {backend_, compute_, allocator_, keep_}));
    if (int8_ && reader.int8 != nullptr) {
      return backend_.LayerNormInt8(x, packed->gamma, packed->beta, norm.eps, *reader.int8,
                                    allocator_);
    }
    return backend_.LayerNorm(x, packed->gamma, packed->beta, norm.eps, allocator_);
  };
  return Keep(run());
}

Tensor Ops::Attention(const Columns& q, const Columns& k, const Columns& v,
                      const AttentionSpec& spec) {
  if (!Proceed()) return Tensor();
  const auto run = [&]() -> absl::StatusOr<Tensor> {
    constexpr absl::string_view where = "attention";
    const auto shape_of = [](const Columns& c) {
      return absl::StrCat(c.tensor.shape().ToString(), " columns ", c.first, " to ",
                          c.first + c.count);
    };
    for (const auto& [name, columns] :
         {std::pair<const char*, const Columns*>{"q", &q}, {"k", &k}, {"v", &v}}) {
      WEFT_RETURN_IF_ERROR(CheckActivation(where, name, columns->tensor, compute_, 3));
      if (columns->first < 0 || columns->count < 1 ||
          columns->first > columns->tensor.dim(2) - columns->count) {
        return Invalid(where, ": ", name, " is ", shape_of(*columns), ", which reaches outside");
      }
      if (columns->tensor.dim(0) != q.tensor.dim(0)) {
        return Invalid(where, ": ", name, " has ", columns->tensor.dim(0), " batches, q has ",
                       q.tensor.dim(0));
      }
      if (spec.heads < 1 || columns->count % spec.heads != 0) {
        return Invalid(where, ": ", columns->count, " columns of ", name,
                       " cannot be divided into ", spec.heads, " heads");
      }
    }
    if (q.count != k.count) {
      return Invalid(where, ": q has ", q.count, " columns, k has ", k.count);
    }
    if (k.tensor.dim(1) != v.tensor.dim(1)) {
      return Invalid(where, ": k has ", k.tensor.dim(1), " rows, v has ", v.tensor.dim(1));
    }
    if (!std::isfinite(spec.scale) || spec.scale <= 0) {
      return Invalid(where, ": the scale must be positive, got ", spec.scale);
    }
    return backend_.Attention(q, k, v, spec, allocator_);
  };
  return Keep(run());
}

}  // namespace weft
