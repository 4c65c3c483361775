#include "runtime/tensor/tensor.h"

#include <atomic>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// Calls `visit` with a null pointer of the element type that `dtype` names.
template <typename Visit>
void WithType(DType dtype, Visit visit) {
  switch (dtype) {
    case DType::kF32:
      return visit(static_cast<float*>(nullptr));
    case DType::kBF16:
      return visit(static_cast<BF16*>(nullptr));
    case DType::kF16:
      return visit(static_cast<F16*>(nullptr));
    case DType::kU8:
      return visit(static_cast<uint8_t*>(nullptr));
    case DType::kI32:
      return visit(static_cast<int32_t*>(nullptr));
    case DType::kI64:
      return visit(static_cast<int64_t*>(nullptr));
  }
}

template <typename To, typename From>
To ConvertOne(From x) {
  if constexpr (std::is_same_v<From, BF16> || std::is_same_v<From, F16>) {
    return ConvertOne<To>(ToFloat(x));
  } else if constexpr (std::is_same_v<To, BF16>) {
    return ToBF16(static_cast<float>(x));
  } else if constexpr (std::is_same_v<To, F16>) {
    return ToF16(static_cast<float>(x));
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // Out of range and NaN would be undefined: clamp, and let NaN be 0.
    constexpr double low = static_cast<double>(std::numeric_limits<To>::min());
    constexpr double high = static_cast<double>(std::numeric_limits<To>::max());
    const double wide = static_cast<double>(x);
    if (!(wide >= low)) return wide < low ? std::numeric_limits<To>::min() : To{0};
    return wide >= high ? std::numeric_limits<To>::max() : static_cast<To>(wide);
  } else {
    return static_cast<To>(x);
  }
}

}  // namespace

absl::StatusOr<Tensor> Tensor::Allocate(const Allocator& allocator, DType dtype, Shape shape) {
  WEFT_ASSIGN_OR_RETURN(shape, Shape::Checked(shape.dims(), SizeOf(dtype)));
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.shape_ = std::move(shape);
  WEFT_ASSIGN_OR_RETURN(tensor.buffer_,
                        Buffer::Allocate(allocator.device(), tensor.bytes(), allocator.meter()));
  return tensor;
}

absl::StatusOr<Tensor> Tensor::Window(std::shared_ptr<Buffer> buffer, size_t offset, DType dtype,
                                      Shape shape) {
  WEFT_ASSIGN_OR_RETURN(shape, Shape::Checked(shape.dims(), SizeOf(dtype)));
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.shape_ = std::move(shape);
  if (offset > buffer->bytes() || tensor.bytes() > buffer->bytes() - offset) {
    return Invalid("a tensor of ", tensor.bytes(), " bytes at offset ", offset,
                   " reaches past its buffer of ", buffer->bytes(), " bytes");
  }
  tensor.offset_ = offset;
  tensor.buffer_ = std::move(buffer);
  return tensor;
}

bool Tensor::unique() const {
  if (buffer_.use_count() != 1 || buffer_->foreign()) return false;
#ifdef __SANITIZE_THREAD__
  // ThreadSanitizer knows no fences: the count that a copy raises is acquired as well.
  const std::shared_ptr<Buffer> seen = buffer_;
#else
  // use_count() reads without order: another thread may have let go a moment ago, and what it read
  // before must come before what is written now.
  std::atomic_thread_fence(std::memory_order_acquire);
#endif
  return true;
}

absl::StatusOr<Tensor> Tensor::Reshape(Shape shape) const {
  if (shape.numel() != numel()) {
    return Invalid("cannot reshape ", shape_.ToString(), " to ", shape.ToString());
  }
  Tensor tensor = *this;
  tensor.shape_ = std::move(shape);
  return tensor;
}

absl::StatusOr<Tensor> Tensor::Rows(int64_t begin, int64_t end) const {
  if (rank() == 0 || begin < 0 || end < begin || end > dim(0)) {
    return Invalid("rows ", begin, " to ", end, " are not in a tensor of shape ",
                   shape_.ToString());
  }
  Tensor tensor = *this;
  tensor.offset_ += static_cast<size_t>(begin * shape_.inner(1)) * SizeOf(dtype_);
  std::vector<int64_t> dims(shape_.dims().begin(), shape_.dims().end());
  dims[0] = end - begin;
  tensor.shape_ = Shape(dims);
  return tensor;
}

absl::StatusOr<Tensor> Tensor::To(DType dtype, const Allocator& allocator) const {
  if (dtype == dtype_) return *this;
  WEFT_ASSIGN_OR_RETURN(Tensor converted, Allocate(allocator, dtype, shape_));
  if (!is_meta())
    ConvertElements(raw(), dtype_, converted.mutable_data<std::byte>(), dtype, numel());
  return converted;
}

void ConvertElements(const void* from, DType from_type, void* to, DType to_type, int64_t count) {
  if (from_type == to_type) {
    if (count > 0) std::memcpy(to, from, static_cast<size_t>(count) * SizeOf(to_type));
    return;
  }
  WithType(from_type, [&](auto* from_tag) {
    using From = std::remove_pointer_t<decltype(from_tag)>;
    WithType(to_type, [&](auto* to_tag) {
      using To = std::remove_pointer_t<decltype(to_tag)>;
      const auto* source = static_cast<const std::byte*>(from);  // may be unaligned in a file
      auto* target = static_cast<To*>(to);
      for (int64_t i = 0; i < count; ++i) {
        From value;
        std::memcpy(&value, source + static_cast<size_t>(i) * sizeof(From), sizeof(From));
        target[i] = ConvertOne<To>(value);
      }
    });
  });
}

}  // namespace weft
