// Linear layers as the backend offers them: in bf16 by a kernel of our own, where the processor has
// it, otherwise by oneDNN's matrix products.
#include "runtime/backend/cpu/linear.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "runtime/backend/cpu/kernels/elementwise.h"
#include "runtime/backend/cpu/kernels/linear_panels.h"
#include "runtime/backend/cpu/kernels/pack_weights.h"
#include "runtime/backend/cpu/plain_linear.h"
#include "runtime/backend/footprint.h"
#include "runtime/base/status_macros.h"

namespace weft::cpu {
namespace {

struct PackedLinear : Packed {
  int64_t in = 0;
  int64_t out = 0;  // of the result
  DType compute = DType::kF32;
  Tensor bias;                           // f32: [out], or [2 · out] where gated; or empty
  std::unique_ptr<PlainLinear> product;  // a, where gated
  std::unique_ptr<PlainLinear> gate;     // g, where gated
  Tensor panels;       // in place of both, where the processor has the kernel for it
  bool gated = false;  // the panels
};

// One half of rows that are twice as wide: `half` 0 or 1.
void CopyHalf(const std::byte* rows, int64_t count, int64_t bytes, int half, std::byte* target) {
  for (int64_t r = 0; r < count; ++r) {
    std::memcpy(target + r * bytes, rows + (2 * r + half) * bytes, static_cast<size_t>(bytes));
  }
}

// y = (x·wa + ba + addend_a) · activation(x·wg + bg + addend_g), some rows at a time, so that the
// gates stay in cache.
absl::Status RunGated(const PackedLinear& linear, Product product, const Allocator& allocator) {
  const int64_t rows = product.rows;
  const auto size = static_cast<int64_t>(SizeOf(linear.compute));
  const int64_t step = GatedRows(rows, linear.out, linear.compute);
  WEFT_ASSIGN_OR_RETURN(Tensor gates,
                        Tensor::Allocate(allocator, linear.compute, Shape{step, linear.out}));
  Tensor half;  // of the addend, for the rows at hand
  if (product.addend != nullptr) {
    WEFT_ASSIGN_OR_RETURN(half,
                          Tensor::Allocate(allocator, linear.compute, Shape{step, linear.out}));
  }
  const auto take_half = [&](int64_t first, int64_t count, int which) -> const void* {
    if (half.empty()) return nullptr;
    const auto* addend = static_cast<const std::byte*>(product.addend);
    CopyHalf(addend + first * 2 * linear.out * size, count, linear.out * size, which,
             half.mutable_data<std::byte>());
    return half.raw();
  };
  const auto* x = static_cast<const std::byte*>(product.x);
  const auto* separate = static_cast<const std::byte*>(product.separate);
  auto* output = static_cast<std::byte*>(product.output);
  for (int64_t first = 0; first < rows; first += step) {
    Product gate;
    gate.x = x + first * linear.in * size;
    gate.rows = std::min(step, rows - first);
    gate.bias = product.bias != nullptr ? product.bias + linear.out : nullptr;
    gate.addend = take_half(first, gate.rows, 1);
    gate.activation = product.activation;
    gate.output = gates.mutable_data<std::byte>();
    WEFT_RETURN_IF_ERROR(linear.gate->Run(gate, allocator));
    Product gated = product;
    gated.x = gate.x;
    gated.rows = gate.rows;
    gated.addend = take_half(first, gate.rows, 0);
    gated.activation = Activation::kNone;
    gated.factor = gates.raw();
    if (separate != nullptr) gated.separate = separate + first * linear.out * size;
    gated.output = output + first * linear.out * size;
    WEFT_RETURN_IF_ERROR(linear.product->Run(gated, allocator));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Packed>> PackLinear(const Tensor& weight, const Tensor& bias,
                                                         bool gated, const Tensor& x, DType compute,
                                                         const Allocator& allocator) {
  auto packed = std::make_shared<PackedLinear>();
  packed->in = weight.dim(1);
  packed->out = gated ? weight.dim(0) / 2 : weight.dim(0);
  packed->compute = compute;
  if (!bias.empty()) {
    WEFT_ASSIGN_OR_RETURN(packed->bias, bias.To(DType::kF32, allocator));
  }
  if (HasLinearPanels(compute, packed->in)) {
    packed->gated = gated;
    const WeightPlaces places = LinearPanelsPlaces(compute, packed->out, packed->in, gated);
    WEFT_ASSIGN_OR_RETURN(packed->panels, Tensor::Allocate(allocator, compute, Shape{places.size}));
    WEFT_RETURN_IF_ERROR(PackWeights(
        StoredRows{weight.raw(), weight.dtype(), weight.dim(0), packed->in, 1, packed->in}, places,
        compute, packed->panels.mutable_data<std::byte>()));
    return packed;
  }
  const int64_t rows = x.shape().outer(-1 + x.rank());
  const auto make = [&](int64_t first_row) -> absl::StatusOr<std::unique_ptr<PlainLinear>> {
    const int64_t begin = first_row * packed->in * static_cast<int64_t>(SizeOf(weight.dtype()));
    auto linear = std::make_unique<PlainLinear>(packed->in, packed->out, compute,
                                                weight.raw() + begin, weight.dtype());
    WEFT_RETURN_IF_ERROR(
        linear->Pack(gated ? GatedRows(rows, packed->out, compute) : rows, allocator));
    return linear;
  };
  WEFT_ASSIGN_OR_RETURN(packed->product, make(0));
  if (gated) {
    WEFT_ASSIGN_OR_RETURN(packed->gate, make(packed->out));
  }
  return packed;
}

absl::StatusOr<Tensor> RunLinear(const Packed& packed, const Tensor& x, Epilogue epilogue,
                                 const Allocator& allocator) {
  const auto& linear = static_cast<const PackedLinear&>(packed);
  std::vector<int64_t> dims(x.shape().dims().begin(), x.shape().dims().end());
  dims.back() = linear.out;
  Product product;
  product.x = x.raw();
  product.rows = x.shape().outer(x.rank() - 1);
  product.bias = linear.bias.empty() ? nullptr : linear.bias.data<float>();
  product.addend = epilogue.addend.empty() ? nullptr : epilogue.addend.raw();
  product.activation = epilogue.activation;
  Tensor output;
  if (!epilogue.residual.empty() && epilogue.residual.unique()) {
    product.residual = ResidualMode::kInPlace;
    output = std::move(epilogue.residual);
  } else {
    WEFT_ASSIGN_OR_RETURN(output, Tensor::Allocate(allocator, linear.compute, Shape(dims)));
    if (!epilogue.residual.empty()) {
      product.residual = ResidualMode::kSeparate;
      product.separate = epilogue.residual.raw();
    }
  }
  product.output = output.mutable_data<std::byte>();
  if (!linear.panels.empty()) {
    LinearTask task;
    task.x = product.x;
    task.rows = product.rows;
    task.in = linear.in;
    task.out = linear.out;
    task.gated = linear.gated;
    task.weights = linear.panels.raw();
    task.bias = product.bias;
    if (!epilogue.per_channel.empty()) {
      task.per_channel = epilogue.per_channel.raw();
      task.batch_rows = product.rows / epilogue.per_channel.dim(0);
    }
    task.addend = product.addend;
    task.activation = product.activation;
    task.residual = product.residual == ResidualMode::kInPlace ? output.raw() : product.separate;
    task.output = product.output;
    RunLinearPanels(task);
    return output;
  }
  if (linear.gate != nullptr) {
    WEFT_RETURN_IF_ERROR(RunGated(linear, product, allocator));
    return output;
  }
  if (epilogue.per_channel.empty()) {
    WEFT_RETURN_IF_ERROR(linear.product->Run(product, allocator));
    return output;
  }
  // What is added to each channel goes into the bias, batch by batch.
  const int64_t batch = epilogue.per_channel.dim(0);
  const auto size = static_cast<int64_t>(SizeOf(linear.compute));
  const int64_t rows = product.rows / batch;
  std::vector<float> bias(static_cast<size_t>(linear.out));
  for (int64_t b = 0; b < batch; ++b) {
    ConvertElements(epilogue.per_channel.raw() + b * linear.out * size, linear.compute, bias.data(),
                    DType::kF32, linear.out);
    for (int64_t c = 0; !linear.bias.empty() && c < linear.out; ++c) {
      bias[static_cast<size_t>(c)] += linear.bias.data<float>()[c];
    }
    Product part = product;
    part.rows = rows;
    part.bias = bias.data();
    part.x = x.raw() + b * rows * linear.in * size;
    part.output = output.mutable_data<std::byte>() + b * rows * linear.out * size;
    if (product.addend != nullptr) {
      part.addend = epilogue.addend.raw() + b * rows * linear.out * size;
    }
    if (product.separate != nullptr) {
      part.separate = epilogue.residual.raw() + b * rows * linear.out * size;
    }
    WEFT_RETURN_IF_ERROR(linear.product->Run(part, allocator));
  }
  return output;
}

}  // namespace weft::cpu
