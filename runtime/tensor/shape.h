#ifndef WEFT_RUNTIME_TENSOR_SHAPE_H_
#define WEFT_RUNTIME_TENSOR_SHAPE_H_

#include <cstdint>
#include <initializer_list>
#include <string>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace weft {

// Extents of a dense row-major tensor, outermost first. A shape of rank 0 is a scalar.
class Shape {
 public:
  Shape() = default;
  // For extents the program itself has computed; they are never negative.
  Shape(std::initializer_list<int64_t> dims) : dims_(dims) {}
  explicit Shape(absl::Span<const int64_t> dims) : dims_(dims.begin(), dims.end()) {}

  // For extents that come from outside: an error if one is negative or the product of those above 0
  // times `element_size` does not fit in 63 bits.
  static absl::StatusOr<Shape> Checked(absl::Span<const int64_t> dims, size_t element_size);

  int rank() const { return static_cast<int>(dims_.size()); }
  // Negative positions count from the end, as in dim(-1).
  int64_t dim(int i) const { return dims_[static_cast<size_t>(i < 0 ? i + rank() : i)]; }
  absl::Span<const int64_t> dims() const { return dims_; }
  int64_t numel() const;
  // The product of the extents before / from position `i`.
  int64_t outer(int i) const;
  int64_t inner(int i) const;

  friend bool operator==(const Shape& a, const Shape& b) { return a.dims_ == b.dims_; }
  std::string ToString() const;  // "[2, 77, 768]"

 private:
  absl::InlinedVector<int64_t, 4> dims_;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_TENSOR_SHAPE_H_
