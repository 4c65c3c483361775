#include "runtime/backend/cpu/plain_conv.h"

#include <omp.h>

#include <utility>

#include "runtime/backend/cpu/same_bits.h"
#include "runtime/base/status_macros.h"

namespace weft::cpu {
namespace {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;

Desc Picture(int64_t batch, int64_t channels, int64_t height, int64_t width,
             dnnl::memory::data_type type) {
  return Desc({batch, channels, height, width}, type, Tag::nhwc);
}

}  // namespace

absl::StatusOr<std::vector<size_t>> PlainConv::SlicesFor(absl::Span<const int64_t> channels,
                                                         const Allocator& allocator) const {
  const int64_t out = geometry_.out_channels;
  const int64_t in = geometry_.in_channels;
  const int64_t k = geometry_.kernel;
  const auto part = [&](int64_t count) {
    return Desc({out, count, k, k}, OneDnnType(compute_), {in * k * k, k * k, k, 1});
  };
  std::vector<size_t> indices;
  int64_t first = 0;
  for (const int64_t count : channels) {
    size_t index = 0;
    while (index < slices_.size() &&
           (slices_[index].first != first || slices_[index].count != count)) {
      ++index;
    }
    if (index == slices_.size()) {
      if (plain_.empty()) {
        // A new way to cut the channels: put the plain weights together again.
        WEFT_ASSIGN_OR_RETURN(plain_, Tensor::Allocate(allocator, compute_, Shape{out, in, k, k}));
        for (const Slice& slice : slices_) {
          slice.layouts.Copy(part(slice.count),
                             plain_.mutable_data<std::byte>() +
                                 slice.first * k * k * static_cast<int64_t>(SizeOf(compute_)));
        }
      }
      const int64_t taps = plain_.shape().inner(2);
      const std::byte* data =
          plain_.raw() + first * taps * static_cast<int64_t>(SizeOf(plain_.dtype()));
      StoredRows rows{data, plain_.dtype(), out, count, taps, in * taps, sums_};
      slices_.push_back(
          Slice{first, count, WeightLayouts({.out = 0, .in = 1}, compute_, std::move(rows))});
    }
    indices.push_back(index);
    first += count;
  }
  return indices;
}

absl::Status PlainConv::Pack(absl::Span<const int64_t> channels, int64_t batch, int64_t height,
                             int64_t width, const Allocator& allocator) const {
  absl::MutexLock lock(&mutex_);
  WEFT_ASSIGN_OR_RETURN(const std::vector<size_t> indices, SlicesFor(channels, allocator));
  for (const size_t index : indices) {
    if (!slices_[index].layouts.layouts().empty()) continue;
    // The plainest form of the primitive tells the layout; forms do not differ in it.
    Key key{};
    key.slice = index;
    key.batch = batch;
    key.height = height;
    key.width = width;
    key.threads = omp_get_max_threads();
    const auto described = Describe(key, AnyLayout(slices_[index]));
    WEFT_RETURN_IF_ERROR(slices_[index].layouts.In(described.weights_desc(), allocator).status());
  }
  plain_ = Tensor();
  sums_ = TapSums();
  return absl::OkStatus();
}

int PlainConv::SafeThreads(const Key& key,
                           absl::FunctionRef<dnnl::primitive_desc()> describe) const {
  // Of eight thousand random shapes, sums changed in 30: all had 144 input channels or more (what
  // 128 take of a picture fits in the nearest cache at once, so that oneDNN has no choice), and few
  // rows of 64 output channels for each thread. Only such convolutions are worth a trial.
  constexpr int64_t kFewInputs = 128;
  constexpr int64_t kManyRows = 64;
  const ConvGeometry& g = geometry_;
  const int64_t rows = key.batch * g.OutHeight(key.height) * ((g.out_channels + 63) / 64);
  if (slices_[key.slice].count <= kFewInputs || rows >= kManyRows * key.threads) {
    return key.threads;
  }
  const std::vector<int64_t> equal = {static_cast<int64_t>(compute_),
                                      slices_[key.slice].count,
                                      g.out_channels,
                                      g.kernel,
                                      g.stride,
                                      g.pad_top,
                                      g.pad_left,
                                      g.pad_bottom,
                                      g.pad_right,
                                      key.batch,
                                      key.height,
                                      key.width,
                                      static_cast<int64_t>(key.activation),
                                      static_cast<int64_t>(key.residual),
                                      key.bias,
                                      key.addend,
                                      key.to_f32,
                                      key.accumulate};
  return ThreadsWithTheBitsOfOne(equal, key.threads, describe);
}

dnnl::convolution_forward::primitive_desc PlainConv::Describe(const Key& key,
                                                              const Desc& weights) const {
  const ConvGeometry& g = geometry_;
  const int64_t out_h = g.OutHeight(key.height);
  const int64_t out_w = g.OutWidth(key.width);
  const auto type = OneDnnType(compute_);
  const auto f32 = dnnl::memory::data_type::f32;
  const Desc source = Picture(key.batch, slices_[key.slice].count, key.height, key.width, type);
  const Desc target = Picture(key.batch, g.out_channels, out_h, out_w, key.to_f32 ? f32 : type);
  const Desc bias = key.bias ? Desc({g.out_channels}, f32, Tag::x) : Desc();
  dnnl::post_ops post_ops;
  if (key.accumulate) post_ops.append_sum(1.0f);
  if (key.addend) {
    post_ops.append_binary(dnnl::algorithm::binary_add,
                           Picture(key.batch, g.out_channels, out_h, out_w, f32));
  }
  AppendActivation(key.activation, post_ops);
  if (key.residual == ResidualMode::kInPlace) post_ops.append_sum(1.0f);
  if (key.residual == ResidualMode::kSeparate) {
    post_ops.append_binary(dnnl::algorithm::binary_add, target);
  }
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  attr.set_post_ops(post_ops);
  return dnnl::convolution_forward::primitive_desc(
      Engine(), dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, source,
      weights, bias, target, {g.stride, g.stride}, {g.pad_top, g.pad_left},
      {g.pad_bottom, g.pad_right}, attr);
}

Desc PlainConv::AnyLayout(const Slice& slice) const {
  const int64_t k = geometry_.kernel;
  return Desc({geometry_.out_channels, slice.count, k, k}, OneDnnType(compute_), Tag::any);
}

absl::StatusOr<std::shared_ptr<const Prepared>> PlainConv::Prepare(
    const Key& key, const Allocator& allocator) const {
  auto& known = prepared_[key];
  if (known != nullptr) return known;
  Slice& slice = slices_[key.slice];
  const Desc any = AnyLayout(slice);
  const int threads = SafeThreads(key, [&] { return Describe(key, any); });
  const TeamOf team(threads);
  const auto described = Describe(key, any);
  auto prepared = std::make_shared<Prepared>();
  WEFT_ASSIGN_OR_RETURN(prepared->weight, slice.layouts.In(described.weights_desc(), allocator));
  prepared->primitive = dnnl::convolution_forward(described);
  prepared->source = described.src_desc();
  prepared->destination = described.dst_desc();
  prepared->scratchpad = described.scratchpad_desc();
  prepared->threads = threads;
  known = prepared;
  return known;
}

void PlainConv::Drop(size_t slice) const {
  const absl::MutexLock lock(&mutex_);
  prepared_.clear();  // they hold the weights, too
  slices_[slice].layouts.Drop();
}

absl::Status PlainConv::RunStep(const Key& key, const ConvSource& source, const ConvCall& call,
                                void* output, const Allocator& allocator) const {
  std::shared_ptr<const Prepared> prepared;
  {
    absl::MutexLock lock(&mutex_);
    WEFT_ASSIGN_OR_RETURN(prepared, Prepare(key, allocator));
  }
  Arguments arguments;
  arguments.emplace(DNNL_ARG_SRC, MemoryOf(prepared->source, source.data));
  arguments.emplace(DNNL_ARG_DST, MemoryOf(prepared->destination, output));
  if (key.bias) {
    arguments.emplace(
        DNNL_ARG_BIAS,
        MemoryOf(Desc({geometry_.out_channels}, dnnl::memory::data_type::f32, Tag::x), call.bias));
  }
  int position = 0;  // among the post-operations
  if (key.accumulate) ++position;
  if (key.addend) {
    const auto desc = Picture(key.batch, geometry_.out_channels, geometry_.OutHeight(key.height),
                              geometry_.OutWidth(key.width), dnnl::memory::data_type::f32);
    arguments.emplace(DNNL_ARG_ATTR_MULTIPLE_POST_OP(position++) | DNNL_ARG_SRC_1,
                      MemoryOf(desc, call.addend));
  }
  if (key.activation != Activation::kNone) ++position;
  if (key.residual == ResidualMode::kSeparate) {
    arguments.emplace(DNNL_ARG_ATTR_MULTIPLE_POST_OP(position++) | DNNL_ARG_SRC_1,
                      MemoryOf(prepared->destination, call.residual));
  }
  return Execute(*prepared, std::move(arguments), allocator);
}

absl::Status PlainConv::Run(const ConvCall& call, const Allocator& allocator) const {
  std::vector<int64_t> channels;
  for (const ConvSource& source : call.sources) channels.push_back(source.channels);
  if (!in_parts_) {
    WEFT_RETURN_IF_ERROR(Pack(channels, call.batch, call.height, call.width, allocator));
  }
  std::vector<size_t> slices;
  {
    absl::MutexLock lock(&mutex_);
    WEFT_ASSIGN_OR_RETURN(slices, SlicesFor(channels, allocator));
  }
  Key key{};
  key.batch = call.batch;
  key.height = call.height;
  key.width = call.width;
  key.threads = omp_get_max_threads();

  // All sources but the last are summed in f32; the last adds that sum.
  ConvCall last = call;
  Tensor partial;
  bool begun = call.addend != nullptr;
  if (call.sources.size() > 1 && !begun) {
    WEFT_ASSIGN_OR_RETURN(
        partial, Tensor::Allocate(allocator, DType::kF32,
                                  Shape{call.batch, geometry_.OutHeight(call.height),
                                        geometry_.OutWidth(call.width), geometry_.out_channels}));
    last.addend = partial.mutable_data<float>();
  }
  for (size_t i = 0; i + 1 < call.sources.size(); ++i) {
    key.slice = slices[i];
    key.to_f32 = true;
    key.accumulate = begun;
    WEFT_RETURN_IF_ERROR(RunStep(key, call.sources[i], last, last.addend, allocator));
    begun = true;
    if (in_parts_ && call.last_use) Drop(key.slice);
  }
  key.slice = slices.back();
  key.to_f32 = key.accumulate = false;
  key.addend = last.addend != nullptr;
  key.bias = last.bias != nullptr;
  key.activation = last.activation;
  key.residual = last.residual_mode;
  WEFT_RETURN_IF_ERROR(RunStep(key, call.sources.back(), last, last.output, allocator));
  if (in_parts_ && call.last_use) Drop(key.slice);
  return absl::OkStatus();
}

}  // namespace weft::cpu
