// One convolution of 8-bit codes by oneDNN, u8 · s8 with sums in s32.
#include "runtime/backend/cpu/int8_plain_conv.h"

#include <omp.h>

#include <utility>

#include "runtime/backend/cpu/same_bits.h"
#include "runtime/base/status_macros.h"

namespace weft::cpu {
namespace {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;
using Type = dnnl::memory::data_type;

Desc Picture(int64_t batch, int64_t channels, int64_t height, int64_t width, Type type) {
  return Desc({batch, channels, height, width}, type, Tag::nhwc);
}

CodeFrame FrameOf(const ConvGeometry& g, const ConvCall& call) {
  return {.batch = call.batch,
          .height = call.height,
          .width = call.width,
          .channels = g.in_channels,
          .top = g.pad_top,
          .left = g.pad_left,
          .bottom = g.pad_bottom,
          .right = g.pad_right};
}

}  // namespace

Int8PlainConv::Int8PlainConv(const ConvGeometry& geometry, DType compute,
                             std::shared_ptr<const CodeMaker> maker)
    : geometry_(geometry),
      compute_(compute),
      maker_(std::move(maker)),
      weights_({geometry.out_channels, geometry.in_channels, geometry.kernel, geometry.kernel},
               {.out = 0, .in = 1}) {}

absl::Status Int8PlainConv::Pack(const Tensor& weight, TapSums sums, const Int8Input& input,
                                 const float* bias, int64_t batch, int64_t height, int64_t width,
                                 const Allocator& allocator) {
  const absl::MutexLock lock(&mutex_);
  const Key key = KeyOf(batch, height, width);
  const int64_t taps = weight.dim(2) * weight.dim(3);
  const StoredRows rows{weight.raw(), weight.dtype(),       weight.dim(0),  weight.dim(1),
                        taps,         weight.dim(1) * taps, std::move(sums)};
  return weights_.Pack(rows, input, bias, Describe(key).weights_desc(), allocator);
}

Int8PlainConv::Key Int8PlainConv::KeyOf(int64_t batch, int64_t height, int64_t width) const {
  Key key{};
  key.batch = batch;
  key.height = height + geometry_.pad_top + geometry_.pad_bottom;
  key.width = width + geometry_.pad_left + geometry_.pad_right;
  key.threads = omp_get_max_threads();
  return key;
}

dnnl::convolution_forward::primitive_desc Int8PlainConv::Describe(const Key& key) const {
  const int64_t out = geometry_.out_channels;
  const int64_t h = Extent(key.height);
  const int64_t w = Extent(key.width);
  const Desc target = Picture(key.batch, out, h, w, OneDnnType(compute_));
  dnnl::post_ops post_ops;
  if (key.addend) {
    post_ops.append_binary(dnnl::algorithm::binary_add, Picture(key.batch, out, h, w, Type::f32));
  }
  AppendActivation(key.activation, post_ops);
  if (key.residual == ResidualMode::kInPlace) post_ops.append_sum(1.0f);
  if (key.residual == ResidualMode::kSeparate) {
    post_ops.append_binary(dnnl::algorithm::binary_add, target);
  }
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  attr.set_scales_mask(DNNL_ARG_WEIGHTS, 1 << 0);
  attr.set_post_ops(post_ops);
  return dnnl::convolution_forward::primitive_desc(
      Engine(), dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
      Picture(key.batch, geometry_.in_channels, key.height, key.width, Type::u8), weights_.Any(),
      Desc({out}, Type::f32, Tag::x), target, {geometry_.stride, geometry_.stride}, {0, 0}, {0, 0},
      attr);
}

absl::StatusOr<std::shared_ptr<const Prepared>> Int8PlainConv::Prepare(
    const Key& key, const Allocator& allocator) const {
  auto& known = prepared_[key];
  if (known != nullptr) return known;
  const auto described = Describe(key);
  auto prepared = std::make_shared<Prepared>();
  WEFT_ASSIGN_OR_RETURN(prepared->weight, weights_.In(described.weights_desc(), allocator));
  prepared->primitive = dnnl::convolution_forward(described);
  prepared->source = described.src_desc();
  prepared->destination = described.dst_desc();
  prepared->scratchpad = described.scratchpad_desc();
  prepared->threads = key.threads;
  known = prepared;
  return known;
}

absl::Status Int8PlainConv::Run(const ConvCall& call, const Allocator& allocator) const {
  Tensor made;  // codes of all sources
  const void* codes = call.sources[0].data;
  if (call.input != DType::kU8) {
    const CodeFrame frame = FrameOf(geometry_, call);
    WEFT_ASSIGN_OR_RETURN(made, Tensor::Allocate(allocator, DType::kU8, Shape{frame.bytes()}));
    int64_t channel = 0;
    for (const ConvSource& source : call.sources) {
      QuantizePictures(source.data, call.input, frame, channel, source.channels, *maker_,
                       made.mutable_data<uint8_t>());
      channel += source.channels;
    }
    codes = made.raw();
  }
  Key key = KeyOf(call.batch, call.height, call.width);
  key.activation = call.activation;
  key.residual = call.residual_mode;
  key.addend = call.addend != nullptr;
  std::shared_ptr<const Prepared> prepared;
  {
    const absl::MutexLock lock(&mutex_);
    WEFT_ASSIGN_OR_RETURN(prepared, Prepare(key, allocator));
  }
  const int64_t out = geometry_.out_channels;
  Arguments arguments;
  arguments.emplace(DNNL_ARG_SRC, MemoryOf(prepared->source, codes));
  arguments.emplace(DNNL_ARG_DST, MemoryOf(prepared->destination, call.output));
  arguments.emplace(DNNL_ARG_BIAS, MemoryOf(Desc({out}, Type::f32, Tag::x), call.bias));
  AddScales(weights_, out, arguments);
  int position = 0;  // among the post-operations
  if (key.addend) {
    const Desc desc = Picture(key.batch, out, Extent(key.height), Extent(key.width), Type::f32);
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

}  // namespace weft::cpu
