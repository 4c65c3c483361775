#ifndef WEFT_RUNTIME_TENSOR_TENSOR_H_
#define WEFT_RUNTIME_TENSOR_TENSOR_H_

#include <algorithm>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/tensor/buffer.h"
#include "runtime/tensor/dtype.h"
#include "runtime/tensor/shape.h"

namespace weft {

// A dense row-major array: a shared buffer, where it begins in it, a dtype and a shape. Copying a
// Tensor shares the buffer. Tensors on wires are immutable; whoever has just allocated one, or
// holds the last reference (`unique()`), may write through mutable_data().
class Tensor {
 public:
  Tensor() = default;

  // Uninitialised memory. Error: RESOURCE_EXHAUSTED.
  static absl::StatusOr<Tensor> Allocate(const Allocator& allocator, DType dtype, Shape shape);
  // A copy of `values`, outside any meter: for constants and tests.
  template <typename T>
  static absl::StatusOr<Tensor> Of(const Shape& shape, absl::Span<const T> values);
  // A window on `buffer` that begins `offset` bytes into it. Error if it reaches past the end.
  static absl::StatusOr<Tensor> Window(std::shared_ptr<Buffer> buffer, size_t offset, DType dtype,
                                       Shape shape);

  bool empty() const { return buffer_ == nullptr; }  // default-constructed: no tensor at all
  explicit operator bool() const { return !empty(); }
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int rank() const { return shape_.rank(); }
  int64_t dim(int i) const { return shape_.dim(i); }
  int64_t numel() const { return shape_.numel(); }
  size_t bytes() const { return static_cast<size_t>(numel()) * SizeOf(dtype_); }
  Device device() const { return buffer_ ? buffer_->device() : Device::kCpu; }
  bool is_meta() const { return device() == Device::kMeta; }
  // Whether nobody else holds the buffer, so that a kernel may write in place: whatever others read
  // from it before they let go has then been read.
  bool unique() const;

  // T must be the dtype's type (checked in debug builds). Null on kMeta.
  template <typename T>
  const T* data() const {
    return reinterpret_cast<const T*>(raw());
  }
  template <typename T>
  T* mutable_data() {
    return reinterpret_cast<T*>(buffer_->data() + offset_);
  }
  template <typename T>
  absl::Span<const T> span() const {
    return absl::Span<const T>(data<T>(), static_cast<size_t>(numel()));
  }
  const std::byte* raw() const {
    return is_meta() || empty() ? nullptr : buffer_->data() + offset_;
  }

  // The same elements under another shape. Error if the counts differ.
  absl::StatusOr<Tensor> Reshape(Shape shape) const;
  // Rows begin..end of the first axis, sharing the buffer. Error if out of range.
  absl::StatusOr<Tensor> Rows(int64_t begin, int64_t end) const;
  // A copy in another dtype (or the same tensor where it is that dtype already).
  absl::StatusOr<Tensor> To(DType dtype, const Allocator& allocator) const;

 private:
  std::shared_ptr<Buffer> buffer_;
  size_t offset_ = 0;  // bytes
  DType dtype_ = DType::kF32;
  Shape shape_;
};

// Converts `count` elements; both pointers hold that many. Sizes are the caller's duty.
void ConvertElements(const void* from, DType from_type, void* to, DType to_type, int64_t count);

template <typename T>
absl::StatusOr<Tensor> Tensor::Of(const Shape& shape, absl::Span<const T> values) {
  if (static_cast<int64_t>(values.size()) != shape.numel()) {
    return absl::InvalidArgumentError("the shape does not hold as many values as were given");
  }
  absl::StatusOr<Tensor> tensor = Allocate(Allocator(Device::kCpu), DTypeOf<T>::value, shape);
  if (tensor.ok()) std::copy(values.begin(), values.end(), tensor->mutable_data<T>());
  return tensor;
}

}  // namespace weft

#endif  // WEFT_RUNTIME_TENSOR_TENSOR_H_
