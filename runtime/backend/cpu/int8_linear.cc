// Linear layers of 8-bit codes: rows of codes against panels of codes, in one pass.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/backend/cpu/int8_layers.h"
#include "runtime/backend/cpu/kernels/linear_panels.h"
#include "runtime/backend/cpu/kernels/quantize.h"
#include "runtime/backend/footprint.h"
#include "runtime/base/status_macros.h"

namespace weft::cpu {
namespace {

struct PackedInt8Linear : Packed {
  explicit PackedInt8Linear(const Int8Input& input) : maker(input) {}

  int64_t in = 0;
  int64_t out = 0;  // of the result
  bool gated = false;
  DType compute = DType::kF32;
  CodeMaker maker;
  Tensor panels;
  Tensor scales;  // f32, one for each row of the weight
  Tensor bias;    // as many, what the codes of zeros give taken off
};

// Rows of codes that are `width` apart: x itself where it is that already. What fills a row up is
// multiplied by zeros.
absl::StatusOr<Tensor> CodesFor(const PackedInt8Linear& linear, const Tensor& x, int64_t rows,
                                int64_t width, const Allocator& allocator) {
  const bool codes = x.dtype() == DType::kU8;
  if (codes && width == linear.in) return x;
  WEFT_ASSIGN_OR_RETURN(Tensor made, Tensor::Allocate(allocator, DType::kU8, Shape{rows, width}));
  auto* target = made.mutable_data<uint8_t>();
  if (!codes) {
    QuantizeRows(x.raw(), x.dtype(), rows, 0, linear.in, linear.maker, target, width);
    return made;
  }
  for (int64_t r = 0; r < rows; ++r) {
    std::copy_n(x.data<uint8_t>() + r * linear.in, linear.in, target + r * width);
  }
  return made;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Packed>> PackInt8Linear(const Tensor& weight,
                                                             const Tensor& bias, bool gated,
                                                             const Int8Input& input, DType compute,
                                                             const Allocator& allocator) {
  auto packed = std::make_shared<PackedInt8Linear>(input);
  const int64_t rows = weight.dim(0);
  packed->in = weight.dim(1);
  packed->out = gated ? rows / 2 : rows;
  packed->gated = gated;
  packed->compute = compute;
  const WeightPlaces places =
      LinearPanelsPlaces(DType::kU8, packed->out, RoundUp(packed->in, 4), gated);
  WEFT_ASSIGN_OR_RETURN(packed->panels,
                        Tensor::Allocate(allocator, DType::kU8, Shape{places.size}));
  WEFT_ASSIGN_OR_RETURN(packed->scales, Tensor::Allocate(allocator, DType::kF32, Shape{rows}));
  WEFT_ASSIGN_OR_RETURN(packed->bias, Tensor::Allocate(allocator, DType::kF32, Shape{rows}));
  auto* offsets = packed->bias.mutable_data<float>();
  const std::vector<float> zero(input.zero.begin(), input.zero.end());
  WEFT_RETURN_IF_ERROR(PackWeightCodes(
      StoredRows{weight.raw(), weight.dtype(), rows, packed->in, 1, packed->in}, places,
      {input.scale.data(), zero.data(), packed->scales.mutable_data<float>(), offsets},
      reinterpret_cast<int8_t*>(packed->panels.mutable_data<uint8_t>())));
  std::vector<float> given(static_cast<size_t>(rows), 0.0f);
  if (!bias.empty()) {
    ConvertElements(bias.raw(), bias.dtype(), given.data(), DType::kF32, rows);
  }
  for (int64_t r = 0; r < rows; ++r) offsets[r] = given[static_cast<size_t>(r)] - offsets[r];
  return packed;
}

bool IsInt8Linear(const Packed& packed) {
  return dynamic_cast<const PackedInt8Linear*>(&packed) != nullptr;
}

absl::StatusOr<Tensor> RunInt8Linear(const Packed& packed, const Tensor& x, Epilogue epilogue,
                                     const Allocator& allocator) {
  const auto& linear = static_cast<const PackedInt8Linear&>(packed);
  LinearTask task;
  task.input = DType::kU8;
  task.compute = linear.compute;
  task.rows = x.shape().outer(x.rank() - 1);
  task.in = RoundUp(linear.in, 4);
  task.out = linear.out;
  task.gated = linear.gated;
  WEFT_ASSIGN_OR_RETURN(const Tensor codes, CodesFor(linear, x, task.rows, task.in, allocator));
  task.x = codes.raw();
  task.weights = linear.panels.raw();
  task.scales = linear.scales.data<float>();
  task.bias = linear.bias.data<float>();
  if (!epilogue.per_channel.empty()) {
    task.per_channel = epilogue.per_channel.raw();
    task.batch_rows = task.rows / epilogue.per_channel.dim(0);
  }
  if (!epilogue.addend.empty()) task.addend = epilogue.addend.raw();
  task.activation = epilogue.activation;
  if (!epilogue.residual.empty()) task.residual = epilogue.residual.raw();
  std::optional<CodeMaker> maker;
  if (epilogue.codes != nullptr) task.codes = &maker.emplace(*epilogue.codes);
  Tensor output;
  if (!epilogue.residual.empty() && epilogue.residual.unique()) {
    output = std::move(epilogue.residual);
  } else {
    std::vector<int64_t> dims(x.shape().dims().begin(), x.shape().dims().end());
    dims.back() = linear.out;
    const DType told = task.codes != nullptr ? DType::kU8 : linear.compute;
    WEFT_ASSIGN_OR_RETURN(output, Tensor::Allocate(allocator, told, Shape(dims)));
  }
  task.output = output.mutable_data<std::byte>();
  RunLinearPanels(task);
  return output;
}

}  // namespace weft::cpu
