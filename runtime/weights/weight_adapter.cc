#include "runtime/weights/weight_adapter.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

int64_t Rows(const Shape& shape) { return shape.rank() > 0 ? shape.dim(0) : 1; }
int64_t Columns(const Shape& shape) { return Rows(shape) > 0 ? shape.numel() / Rows(shape) : 0; }

absl::Status Mismatch(const Weight& factor, absl::string_view wants, const Shape& weight) {
  return Invalid(factor.name(), " has shape ", factor.shape().ToString(), ", which ", wants,
                 " of a weight ", weight.ToString());
}

// One matrix of rows × columns numbers, the columns being `kernel` for each input.
absl::Status CheckMatrix(const AdapterMatrix& matrix, int64_t rows, int64_t columns, int64_t kernel,
                         const Shape& weight) {
  if (!matrix.whole.empty()) {
    if (matrix.whole.shape().numel() == rows * columns) return absl::OkStatus();
    return Mismatch(matrix.whole, "does not fit into that", weight);
  }
  const Shape& up = matrix.up.shape();
  const Shape& down = matrix.down.shape();
  if (up.rank() < 2 || down.rank() < 2) {
    return Invalid(up.rank() < 2 ? matrix.up.name() : matrix.down.name(),
                   " is missing or has fewer than two axes");
  }
  if (!matrix.core.empty()) {
    const Shape& core = matrix.core.shape();
    if (core.rank() < 3 || core.dim(1) != down.dim(0) ||
        core.numel() != core.dim(0) * down.dim(0) * kernel) {
      return Mismatch(matrix.core, "does not lie between its factors", weight);
    }
    if (up.dim(matrix.up_is_transposed ? 1 : 0) != rows || up.numel() != rows * core.dim(0)) {
      return Mismatch(matrix.up, "has not the rows", weight);
    }
    if (down.numel() * kernel != down.dim(0) * columns) {
      return Mismatch(matrix.down, "has not the columns", weight);
    }
    return absl::OkStatus();
  }
  if (up.dim(matrix.up_is_transposed ? 1 : 0) != rows) {
    return Mismatch(matrix.up, "has not the rows", weight);
  }
  if (down.numel() != down.dim(0) * columns) {
    return Mismatch(matrix.down, "has not the columns", weight);
  }
  if (up.numel() != rows * down.dim(0)) {
    return Invalid("ranks differ: ", matrix.up.name(), " has shape ", up.ToString(), ", ",
                   matrix.down.name(), " ", down.ToString());
  }
  return absl::OkStatus();
}

// Whether a · b is c, whatever a file makes them.
bool Multiplies(int64_t a, int64_t b, int64_t c) {
  return a > 0 && b > 0 && c % a == 0 && c / a == b;
}

// The extents of one factor of a Kronecker product.
struct Extents {
  int64_t rows = 0;
  int64_t columns = 0;
};
Extents ExtentsOf(const AdapterMatrix& matrix) {
  if (!matrix.whole.empty()) return {Rows(matrix.whole.shape()), Columns(matrix.whole.shape())};
  if (matrix.up.shape().rank() < 2 || matrix.down.shape().rank() < 2) return {};
  const int64_t up_rows = matrix.up.shape().dim(matrix.up_is_transposed ? 1 : 0);
  if (!matrix.core.empty()) {
    const Shape& core = matrix.core.shape();
    if (core.rank() < 2 || core.dim(0) * core.dim(1) == 0) return {};
    const int64_t kernel = core.numel() / (core.dim(0) * core.dim(1));
    return {up_rows, Columns(matrix.down.shape()) * kernel};
  }
  return {up_rows, Columns(matrix.down.shape())};
}

}  // namespace

int64_t AdapterMatrix::rank() const {
  return is_product() && down.shape().rank() > 0 ? down.shape().dim(0) : 0;
}

absl::Status CheckAdapter(const WeightAdapter& adapter, const Shape& weight) {
  const int64_t rows = Rows(weight);
  const int64_t columns = Columns(weight);
  const int64_t kernel = weight.rank() == 4 ? weight.dim(2) * weight.dim(3) : 1;
  for (const AdapterMatrix* matrix : {&adapter.first, &adapter.second}) {
    if (matrix->empty()) {
      if (matrix == &adapter.second && adapter.kind == WeightAdapter::Kind::kSum) continue;
      return Invalid("a factor is missing");
    }
    // Without numbers, extents may be as large as they like.
    for (const Weight* factor : {&matrix->whole, &matrix->up, &matrix->down, &matrix->core}) {
      if (!factor->empty() && factor->shape().numel() == 0) {
        return Invalid(factor->name(), " has shape ", factor->shape().ToString(),
                       ", which holds nothing");
      }
    }
  }
  if (!adapter.magnitude.empty()) {
    const int64_t count = adapter.magnitude.shape().numel();
    if (adapter.magnitude_of_inputs ? count * kernel != columns : count != rows) {
      return Mismatch(adapter.magnitude,
                      adapter.magnitude_of_inputs ? "has not the inputs" : "has not the rows",
                      weight);
    }
  }
  if (adapter.kind == WeightAdapter::Kind::kKronecker) {
    const Extents a = ExtentsOf(adapter.first);
    const Extents b = ExtentsOf(adapter.second);
    if (!Multiplies(a.rows, b.rows, rows) || !Multiplies(a.columns, b.columns, columns)) {
      return Invalid("the Kronecker product of ", a.rows, "×", a.columns, " and ", b.rows, "×",
                     b.columns, " does not make a weight ", weight.ToString());
    }
    WEFT_RETURN_IF_ERROR(CheckMatrix(adapter.first, a.rows, a.columns, 1, weight));
    return CheckMatrix(adapter.second, b.rows, b.columns, kernel, weight);
  }
  WEFT_RETURN_IF_ERROR(CheckMatrix(adapter.first, rows, columns, kernel, weight));
  if (adapter.kind == WeightAdapter::Kind::kSum) return absl::OkStatus();
  return CheckMatrix(adapter.second, rows, columns, kernel, weight);
}

}  // namespace weft
