#include "runtime/tensor/shape.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status_macros.h"

namespace weft {

absl::StatusOr<Shape> Shape::Checked(absl::Span<const int64_t> dims, size_t element_size) {
  // An extent of 0 does not excuse the others: outer() and inner() multiply some of them.
  int64_t total = static_cast<int64_t>(element_size);
  for (const int64_t dim : dims) {
    if (dim < 0) return Invalid("shape ", Shape(dims).ToString(), " has a negative extent");
    if (dim == 0) continue;
    if (dim > std::numeric_limits<int64_t>::max() / total) {
      return Invalid("shape ", Shape(dims).ToString(), " is too large to address");
    }
    total *= dim;
  }
  return Shape(dims);
}

int64_t Shape::numel() const { return outer(rank()); }

int64_t Shape::outer(int i) const {
  int64_t product = 1;
  for (int k = 0; k < i; ++k) product *= dims_[static_cast<size_t>(k)];
  return product;
}

int64_t Shape::inner(int i) const {
  int64_t product = 1;
  for (int k = i; k < rank(); ++k) product *= dims_[static_cast<size_t>(k)];
  return product;
}

std::string Shape::ToString() const { return absl::StrCat("[", absl::StrJoin(dims_, ", "), "]"); }

}  // namespace weft
