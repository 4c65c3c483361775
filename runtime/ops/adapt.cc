#include "runtime/ops/adapt.h"

#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "runtime/base/status_macros.h"

namespace weft {
namespace {

absl::StatusOr<Tensor> AllocateFloats(const Allocator& allocator, int64_t rows, int64_t columns) {
  return Tensor::Allocate(allocator, DType::kF32, Shape{rows, columns});
}

// A factor in f32 as a matrix of so many rows; a copy, so that it may be changed.
absl::StatusOr<Tensor> ReadMatrix(const Weight& weight, int64_t rows, Device device,
                                  const Allocator& allocator) {
  const int64_t count = weight.shape().numel();
  if (rows <= 0 || count % rows != 0) {
    return Invalid(weight.name(), " has shape ", weight.shape().ToString(), ", which is not ", rows,
                   " rows");
  }
  WEFT_ASSIGN_OR_RETURN(Tensor copy, AllocateFloats(allocator, rows, count / rows));
  if (device == Device::kMeta) return copy;
  WEFT_ASSIGN_OR_RETURN(const Tensor stored, weight.Read());
  ConvertElements(stored.raw(), stored.dtype(), copy.mutable_data<float>(), DType::kF32, count);
  return copy;
}

absl::StatusOr<Tensor> Transposed(const Tensor& x, const Allocator& allocator) {
  const int64_t rows = x.dim(0);
  const int64_t columns = x.dim(1);
  WEFT_ASSIGN_OR_RETURN(Tensor y, AllocateFloats(allocator, columns, rows));
  if (y.is_meta()) return y;
  const float* from = x.data<float>();
  auto* to = y.mutable_data<float>();
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) to[c * rows + r] = from[r * columns + c];
  }
  return y;
}

void Scale(Tensor& x, double factor) {
  if (x.is_meta() || factor == 1.0) return;
  auto* values = x.mutable_data<float>();
  for (int64_t i = 0; i < x.numel(); ++i) values[i] *= static_cast<float>(factor);
}

// a [m, k] · b [k, n] + residual [m, n], or without one.
absl::StatusOr<Tensor> Product(const Tensor& a, const Tensor& b, Tensor residual, Backend& backend,
                               const Allocator& allocator) {
  WEFT_ASSIGN_OR_RETURN(const Tensor weight, Transposed(b, allocator));  // as layers have it
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const Packed> packed,
                        backend.PackLinear(weight, Tensor(), false, a, DType::kF32, allocator));
  return backend.Linear(*packed, a, Epilogue{.residual = std::move(residual)}, allocator);
}

// down'[i, n·kernel] = Σ_j core[i, j, kernel] · down[j, n]
absl::StatusOr<Tensor> FoldCore(const Tensor& core, const Tensor& down,
                                const Allocator& allocator) {
  const int64_t inner = down.dim(0);
  const int64_t in = down.dim(1);
  const int64_t kernel = core.dim(1) / inner;
  WEFT_ASSIGN_OR_RETURN(Tensor folded, AllocateFloats(allocator, core.dim(0), in * kernel));
  if (folded.is_meta()) return folded;
  auto* to = folded.mutable_data<float>();
  std::memset(to, 0, folded.bytes());
  for (int64_t i = 0; i < core.dim(0); ++i) {
    for (int64_t j = 0; j < inner; ++j) {
      const float* spots = core.data<float>() + (i * inner + j) * kernel;
      const float* row = down.data<float>() + j * in;
      for (int64_t n = 0; n < in; ++n) {
        for (int64_t k = 0; k < kernel; ++k) to[(i * in + n) * kernel + k] += spots[k] * row[n];
      }
    }
  }
  return folded;
}

// A matrix as a whole, scaled, plus a residual (which may be empty).
absl::StatusOr<Tensor> WholeMatrix(const AdapterMatrix& matrix, int64_t rows, double scale,
                                   Tensor residual, Backend& backend, const Allocator& allocator) {
  if (matrix.is_product()) {
    WEFT_ASSIGN_OR_RETURN(LowRankFactors factors, ReadFactors(matrix, backend.device(), allocator));
    Scale(factors.up, scale);
    return Product(factors.up, factors.down, std::move(residual), backend, allocator);
  }
  WEFT_ASSIGN_OR_RETURN(Tensor whole, ReadMatrix(matrix.whole, rows, backend.device(), allocator));
  Scale(whole, scale);
  if (residual.empty()) return whole;
  return backend.Add(std::move(residual), whole, allocator);
}

// y[i·c + p, j·d + q] = a[i, j] · b[p, q] where a is [·, ·] and b [c, d].
absl::StatusOr<Tensor> Kronecker(const Tensor& a, const Tensor& b, double scale,
                                 const Allocator& allocator) {
  const int64_t columns = a.dim(1) * b.dim(1);
  WEFT_ASSIGN_OR_RETURN(Tensor y, AllocateFloats(allocator, a.dim(0) * b.dim(0), columns));
  if (y.is_meta()) return y;
  auto* to = y.mutable_data<float>();
  for (int64_t i = 0; i < a.dim(0); ++i) {
    for (int64_t p = 0; p < b.dim(0); ++p) {
      for (int64_t j = 0; j < a.dim(1); ++j) {
        const float left = a.data<float>()[i * a.dim(1) + j] * static_cast<float>(scale);
        const float* right = b.data<float>() + p * b.dim(1);
        for (int64_t q = 0; q < b.dim(1); ++q) *to++ = left * right[q];
      }
    }
  }
  return y;
}

// How many rows a factor of a Kronecker product has.
int64_t RowsOf(const AdapterMatrix& matrix) {
  const Shape& shape = matrix.is_product() ? matrix.up.shape() : matrix.whole.shape();
  return shape.dim(matrix.is_product() && matrix.up_is_transposed ? 1 : 0);
}

void Multiply(Tensor& x, const Tensor& y) {
  if (x.is_meta()) return;
  auto* to = x.mutable_data<float>();
  for (int64_t i = 0; i < x.numel(); ++i) to[i] *= y.data<float>()[i];
}

// DoRA: every row (or everything of one input) gets the length that the magnitudes say.
absl::Status SetLengths(Tensor& weight, const WeightAdapter& adapter, int64_t kernel,
                        const Allocator& allocator) {
  const int64_t rows = weight.dim(0);
  const int64_t columns = weight.dim(1);
  const int64_t groups = adapter.magnitude_of_inputs ? columns / kernel : rows;
  WEFT_ASSIGN_OR_RETURN(const Tensor magnitudes,
                        ReadMatrix(adapter.magnitude, groups, weight.device(), allocator));
  if (weight.is_meta()) return absl::OkStatus();
  auto* values = weight.mutable_data<float>();
  const auto group = [&](int64_t r, int64_t c) {
    return static_cast<size_t>(adapter.magnitude_of_inputs ? c / kernel : r);
  };
  std::vector<double> squares(static_cast<size_t>(groups));
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      const double value = values[r * columns + c];
      squares[group(r, c)] += value * value;
    }
  }
  for (size_t g = 0; g < squares.size(); ++g) {
    // Nothing has no direction to keep.
    squares[g] = squares[g] > 0 ? magnitudes.data<float>()[g] / std::sqrt(squares[g]) : 0.0;
  }
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      values[r * columns + c] *= static_cast<float>(squares[group(r, c)]);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LowRankFactors> ReadFactors(const AdapterMatrix& matrix, Device device,
                                           const Allocator& allocator) {
  const Shape& up = matrix.up.shape();
  LowRankFactors factors;
  WEFT_ASSIGN_OR_RETURN(factors.up, ReadMatrix(matrix.up, up.dim(0), device, allocator));
  if (matrix.up_is_transposed) {
    WEFT_ASSIGN_OR_RETURN(factors.up, Transposed(factors.up, allocator));
  }
  WEFT_ASSIGN_OR_RETURN(factors.down,
                        ReadMatrix(matrix.down, matrix.down.shape().dim(0), device, allocator));
  if (!matrix.core.empty()) {
    WEFT_ASSIGN_OR_RETURN(const Tensor core,
                          ReadMatrix(matrix.core, matrix.core.shape().dim(0), device, allocator));
    WEFT_ASSIGN_OR_RETURN(factors.down, FoldCore(core, factors.down, allocator));
  }
  return factors;
}

absl::StatusOr<Tensor> Adapted(Tensor base, const WeightAdapter& adapter, int64_t kernel,
                               Backend& backend, const Allocator& allocator) {
  const int64_t rows = base.dim(0);
  Tensor sum;
  if (adapter.kind == WeightAdapter::Kind::kSum) {
    WEFT_ASSIGN_OR_RETURN(
        sum, WholeMatrix(adapter.first, rows, adapter.scale, std::move(base), backend, allocator));
  } else {
    const bool kronecker = adapter.kind == WeightAdapter::Kind::kKronecker;
    const int64_t first_rows = kronecker ? RowsOf(adapter.first) : rows;
    const int64_t second_rows = kronecker ? RowsOf(adapter.second) : rows;
    WEFT_ASSIGN_OR_RETURN(
        Tensor delta, WholeMatrix(adapter.first, first_rows, 1.0, Tensor(), backend, allocator));
    WEFT_ASSIGN_OR_RETURN(const Tensor second, WholeMatrix(adapter.second, second_rows, 1.0,
                                                           Tensor(), backend, allocator));
    if (kronecker) {
      WEFT_ASSIGN_OR_RETURN(delta, Kronecker(delta, second, adapter.scale, allocator));
    } else {
      Multiply(delta, second);
      Scale(delta, adapter.scale);
    }
    WEFT_ASSIGN_OR_RETURN(sum, backend.Add(std::move(base), delta, allocator));
  }
  if (!adapter.magnitude.empty()) {
    WEFT_RETURN_IF_ERROR(SetLengths(sum, adapter, kernel, allocator));
  }
  return sum;
}

absl::StatusOr<Tensor> ReadAdapted(const Weight& weight, Backend& backend,
                                   const Allocator& allocator) {
  if (weight.empty()) return Tensor();
  const Shape& shape = weight.shape();
  if (weight.merged().empty()) {
    if (backend.device() != Device::kMeta) return weight.Read();
    // Mapped files are not counted.
    return Tensor::Allocate(Allocator(Device::kMeta), weight.dtype(), shape);
  }
  const int64_t kernel = shape.rank() == 4 ? shape.dim(2) * shape.dim(3) : 1;
  WEFT_ASSIGN_OR_RETURN(Tensor sum, ReadMatrix(weight, shape.dim(0), backend.device(), allocator));
  for (const std::shared_ptr<const WeightAdapter>& adapter : weight.merged()) {
    WEFT_ASSIGN_OR_RETURN(sum, Adapted(std::move(sum), *adapter, kernel, backend, allocator));
  }
  return sum.Reshape(shape);
}

}  // namespace weft
