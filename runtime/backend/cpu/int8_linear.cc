// Matrix products of 8-bit codes by oneDNN, u8 · s8 with sums in s32.
#include <omp.h>

#include <algorithm>
#include <compare>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "runtime/backend/cpu/int8_layers.h"
#include "runtime/backend/cpu/int8_weights.h"
#include "runtime/backend/cpu/kernels/elementwise.h"
#include "runtime/backend/cpu/kernels/quantize.h"
#include "runtime/backend/footprint.h"
#include "runtime/base/status_macros.h"

namespace weft::cpu {
namespace {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;
using Type = dnnl::memory::data_type;

Desc Matrix(int64_t rows, int64_t columns, Type type) {
  return Desc({rows, columns}, type, Tag::ab);
}

enum class Residual : uint8_t { kNone, kInPlace, kSeparate };

// y = activation(codes·w + bias + addend) · factor + residual
struct Product {
  const uint8_t* codes = nullptr;  // [rows, in]
  int64_t rows = 0;
  const float* bias = nullptr;   // [out]
  const void* addend = nullptr;  // [rows, out] or null
  Activation activation = Activation::kNone;
  const void* factor = nullptr;  // [rows, out] or null
  Residual residual = Residual::kNone;
  const void* separate = nullptr;  // the residual where kSeparate
  void* output = nullptr;
};

// One matrix [out, in] and its primitives.
class Int8PlainLinear {
 public:
  Int8PlainLinear(int64_t in, int64_t out, DType compute)
      : in_(in), out_(out), compute_(compute), weights_({in, out}, {.out = 1, .in = 0}) {}

  absl::Status Pack(const StoredRows& stored, const Int8Input& input, const float* bias,
                    int64_t rows, const Allocator& allocator) {
    Key key{};
    key.rows = rows;
    const absl::MutexLock lock(&mutex_);
    return weights_.Pack(stored, input, bias, Describe(key).weights_desc(), allocator);
  }
  const float* bias() const { return weights_.bias(); }

  absl::Status Run(const Product& product, const Allocator& allocator) const {
    const Key key{product.rows,
                  product.activation,
                  product.residual,
                  product.addend != nullptr,
                  product.factor != nullptr,
                  omp_get_max_threads()};
    std::shared_ptr<const Prepared> prepared;
    {
      const absl::MutexLock lock(&mutex_);
      WEFT_ASSIGN_OR_RETURN(prepared, Prepare(key, allocator));
    }
    Arguments arguments;
    arguments.emplace(DNNL_ARG_SRC, MemoryOf(prepared->source, product.codes));
    arguments.emplace(DNNL_ARG_DST, MemoryOf(prepared->destination, product.output));
    arguments.emplace(DNNL_ARG_BIAS, MemoryOf(Matrix(1, out_, Type::f32), product.bias));
    AddScales(weights_, out_, arguments);
    int position = 0;  // among the post-operations
    const auto add = [&](const void* operand) {
      arguments.emplace(DNNL_ARG_ATTR_MULTIPLE_POST_OP(position++) | DNNL_ARG_SRC_1,
                        MemoryOf(prepared->destination, operand));
    };
    if (key.addend) add(product.addend);
    if (key.activation != Activation::kNone) ++position;
    if (key.factor) add(product.factor);
    if (key.residual == Residual::kSeparate) add(product.separate);
    return Execute(*prepared, std::move(arguments), allocator);
  }

 private:
  struct Key {
    int64_t rows;
    Activation activation;
    Residual residual;
    bool addend, factor;
    int threads;  // oneDNN cuts the work up when a primitive is made
    auto operator<=>(const Key&) const = default;
  };

  dnnl::matmul::primitive_desc Describe(const Key& key) const {
    const Desc target = Matrix(key.rows, out_, OneDnnType(compute_));
    dnnl::post_ops post_ops;
    if (key.addend) post_ops.append_binary(dnnl::algorithm::binary_add, target);
    AppendActivation(key.activation, post_ops);
    if (key.factor) post_ops.append_binary(dnnl::algorithm::binary_mul, target);
    if (key.residual == Residual::kInPlace) post_ops.append_sum(1.0f);
    if (key.residual == Residual::kSeparate) {
      post_ops.append_binary(dnnl::algorithm::binary_add, target);
    }
    dnnl::primitive_attr attr;
    attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    attr.set_scales_mask(DNNL_ARG_WEIGHTS, 1 << 1);
    attr.set_post_ops(post_ops);
    return dnnl::matmul::primitive_desc(Engine(), Matrix(key.rows, in_, Type::u8), weights_.Any(),
                                        Matrix(1, out_, Type::f32), target, attr);
  }

  absl::StatusOr<std::shared_ptr<const Prepared>> Prepare(const Key& key,
                                                          const Allocator& allocator) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    auto& known = prepared_[key];
    if (known != nullptr) return known;
    const auto described = Describe(key);
    auto prepared = std::make_shared<Prepared>();
    WEFT_ASSIGN_OR_RETURN(prepared->weight, weights_.In(described.weights_desc(), allocator));
    prepared->primitive = dnnl::matmul(described);
    prepared->source = described.src_desc();
    prepared->destination = described.dst_desc();
    prepared->scratchpad = described.scratchpad_desc();
    prepared->threads = key.threads;
    known = prepared;
    return known;
  }

  const int64_t in_;
  const int64_t out_;
  const DType compute_;
  mutable absl::Mutex mutex_;
  mutable Int8Weights weights_;  // changed under the mutex alone
  mutable std::map<Key, std::shared_ptr<const Prepared>> prepared_ ABSL_GUARDED_BY(mutex_);
};

struct PackedInt8Linear : Packed {
  explicit PackedInt8Linear(const Int8Input& input) : maker(input) {}

  int64_t in = 0;
  int64_t out = 0;  // of the result
  DType compute = DType::kF32;
  CodeMaker maker;
  std::unique_ptr<Int8PlainLinear> product;  // a, where gated
  std::unique_ptr<Int8PlainLinear> gate;     // g, where gated
};

// y = (x·wa + ba + addend_a) · activation(x·wg + bg + addend_g), some rows at a time, so that the
// gates stay in cache.
absl::Status RunGated(const PackedInt8Linear& linear, const Product& product,
                      const Allocator& allocator) {
  const int64_t out = linear.out;
  const auto row = out * static_cast<int64_t>(SizeOf(linear.compute));  // bytes of a result
  const int64_t step = GatedRows(product.rows, out, linear.compute);
  WEFT_ASSIGN_OR_RETURN(Tensor gates,
                        Tensor::Allocate(allocator, linear.compute, Shape{step, out}));
  Tensor half;  // of the addend, for the rows at hand
  if (product.addend != nullptr) {
    WEFT_ASSIGN_OR_RETURN(half, Tensor::Allocate(allocator, linear.compute, Shape{step, out}));
  }
  const auto take_half = [&](int64_t first, int64_t count, int which) -> const void* {
    if (half.empty()) return nullptr;
    const auto* from = static_cast<const std::byte*>(product.addend) + (2 * first + which) * row;
    for (int64_t r = 0; r < count; ++r) {
      std::memcpy(half.mutable_data<std::byte>() + r * row, from + 2 * r * row,
                  static_cast<size_t>(row));
    }
    return half.raw();
  };
  const auto* separate = static_cast<const std::byte*>(product.separate);
  for (int64_t first = 0; first < product.rows; first += step) {
    Product gate;
    gate.codes = product.codes + first * linear.in;
    gate.rows = std::min(step, product.rows - first);
    gate.bias = linear.gate->bias();
    gate.addend = take_half(first, gate.rows, 1);
    gate.activation = product.activation;
    gate.output = gates.mutable_data<std::byte>();
    WEFT_RETURN_IF_ERROR(linear.gate->Run(gate, allocator));
    Product gated = product;
    gated.codes = gate.codes;
    gated.rows = gate.rows;
    gated.addend = take_half(first, gate.rows, 0);
    gated.activation = Activation::kNone;
    gated.factor = gates.raw();
    if (separate != nullptr) gated.separate = separate + first * row;
    gated.output = static_cast<std::byte*>(product.output) + first * row;
    WEFT_RETURN_IF_ERROR(linear.product->Run(gated, allocator));
  }
  return absl::OkStatus();
}

// What is added to each channel goes into the bias, batch by batch.
absl::Status RunBatches(const PackedInt8Linear& linear, const Product& product,
                        const Tensor& per_channel, const Allocator& allocator) {
  const int64_t batch = per_channel.dim(0);
  const int64_t rows = product.rows / batch;
  const auto size = static_cast<int64_t>(SizeOf(linear.compute));
  const int64_t each = rows * linear.out * size;  // bytes of a result
  std::vector<float> bias(static_cast<size_t>(linear.out));
  const auto at = [&](const void* data, int64_t b) -> const void* {
    return data == nullptr ? nullptr : static_cast<const std::byte*>(data) + b * each;
  };
  for (int64_t b = 0; b < batch; ++b) {
    ConvertElements(per_channel.raw() + b * linear.out * size, linear.compute, bias.data(),
                    DType::kF32, linear.out);
    for (int64_t c = 0; c < linear.out; ++c) {
      bias[static_cast<size_t>(c)] += product.bias[c];
    }
    Product part = product;
    part.rows = rows;
    part.bias = bias.data();
    part.codes = product.codes + b * rows * linear.in;
    part.output = static_cast<std::byte*>(product.output) + b * each;
    part.addend = at(product.addend, b);
    part.separate = at(product.separate, b);
    WEFT_RETURN_IF_ERROR(linear.product->Run(part, allocator));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Packed>> PackInt8Linear(const Tensor& weight,
                                                             const Tensor& bias, bool gated,
                                                             const Int8Input& input,
                                                             const Tensor& x, DType compute,
                                                             const Allocator& allocator) {
  auto packed = std::make_shared<PackedInt8Linear>(input);
  packed->in = weight.dim(1);
  packed->out = gated ? weight.dim(0) / 2 : weight.dim(0);
  packed->compute = compute;
  Tensor bias_f32;
  if (!bias.empty()) {
    WEFT_ASSIGN_OR_RETURN(bias_f32, bias.To(DType::kF32, allocator));
  }
  const int64_t rows = x.shape().outer(-1 + x.rank());
  const auto make = [&](int64_t first_row) -> absl::StatusOr<std::unique_ptr<Int8PlainLinear>> {
    const std::byte* data =
        weight.raw() + first_row * packed->in * static_cast<int64_t>(SizeOf(weight.dtype()));
    const StoredRows stored{data, weight.dtype(), packed->out, packed->in, 1, packed->in};
    auto linear = std::make_unique<Int8PlainLinear>(packed->in, packed->out, compute);
    WEFT_RETURN_IF_ERROR(
        linear->Pack(stored, input, bias_f32.empty() ? nullptr : bias_f32.data<float>() + first_row,
                     gated ? GatedRows(rows, packed->out, compute) : rows, allocator));
    return linear;
  };
  WEFT_ASSIGN_OR_RETURN(packed->product, make(0));
  if (gated) {
    WEFT_ASSIGN_OR_RETURN(packed->gate, make(packed->out));
  }
  return packed;
}

bool IsInt8Linear(const Packed& packed) {
  return dynamic_cast<const PackedInt8Linear*>(&packed) != nullptr;
}

absl::StatusOr<Tensor> RunInt8Linear(const Packed& packed, const Tensor& x, Epilogue epilogue,
                                     const Allocator& allocator) {
  const auto& linear = static_cast<const PackedInt8Linear&>(packed);
  std::vector<int64_t> dims(x.shape().dims().begin(), x.shape().dims().end());
  dims.back() = linear.out;
  Product product;
  product.rows = x.shape().outer(x.rank() - 1);
  product.bias = linear.product->bias();
  product.addend = epilogue.addend.empty() ? nullptr : epilogue.addend.raw();
  product.activation = epilogue.activation;
  Tensor codes = x;
  if (x.dtype() != DType::kU8) {
    WEFT_ASSIGN_OR_RETURN(codes, Tensor::Allocate(allocator, DType::kU8, x.shape()));
    QuantizeRows(x.raw(), x.dtype(), product.rows, 0, linear.in, linear.maker,
                 codes.mutable_data<uint8_t>(), linear.in);
  }
  product.codes = codes.data<uint8_t>();
  Tensor output;
  if (!epilogue.residual.empty() && epilogue.residual.unique()) {
    product.residual = Residual::kInPlace;
    output = std::move(epilogue.residual);
  } else {
    WEFT_ASSIGN_OR_RETURN(output, Tensor::Allocate(allocator, linear.compute, Shape(dims)));
    if (!epilogue.residual.empty()) {
      product.residual = Residual::kSeparate;
      product.separate = epilogue.residual.raw();
    }
  }
  product.output = output.mutable_data<std::byte>();
  absl::Status status;
  if (linear.gate != nullptr) {
    status = RunGated(linear, product, allocator);
  } else if (!epilogue.per_channel.empty()) {
    status = RunBatches(linear, product, epilogue.per_channel, allocator);
  } else {
    status = linear.product->Run(product, allocator);
  }
  if (!status.ok()) return status;
  return output;
}

}  // namespace weft::cpu
