#ifndef WEFT_RUNTIME_WEIGHTS_STORED_TYPE_H_
#define WEFT_RUNTIME_WEIGHTS_STORED_TYPE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/tensor/tensor.h"

namespace weft {

// How numbers lie in a file. Files know more types than tensors: the others become the nearest
// wider tensor type when they are read (f64 alone loses precision, to f32).
enum class StoredType : uint8_t {
  kF64,
  kF32,
  kF16,
  kBF16,
  kI64,
  kI32,
  kI16,
  kI8,
  kU64,
  kU32,
  kU16,
  kU8,
  kBool
};

size_t SizeOf(StoredType type);
bool IsNative(StoredType type);  // whether tensors hold such numbers as they are
DType DTypeOfStored(StoredType type);
// As safetensors spells them: "F32", "BF16", "BOOL".
absl::string_view SafetensorsName(StoredType type);
std::optional<StoredType> StoredTypeFromSafetensors(absl::string_view name);
StoredType StoredTypeOf(DType dtype);
std::string StoredTypeNames();  // all of them, for errors

// Bytes of `shape` in `type`, or an error where that does not fit in 63 bits, or an extent is
// negative, or there are more than 16 of them.
absl::StatusOr<size_t> StoredBytes(absl::Span<const int64_t> shape, StoredType type);

// A tensor from `bytes` of a file (exactly as many as its shape takes): a window on `owner`'s
// memory where type, byte order and alignment allow, a converted copy otherwise.
absl::StatusOr<Tensor> TensorFromBytes(absl::Span<const std::byte> bytes, StoredType type,
                                       Shape shape, bool swap_bytes,
                                       std::shared_ptr<const void> owner);

}  // namespace weft

#endif  // WEFT_RUNTIME_WEIGHTS_STORED_TYPE_H_
