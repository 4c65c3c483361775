#include "runtime/weights/stored_type.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

struct Row {
  StoredType type;
  absl::string_view name;
  size_t bytes;
  DType dtype;
};
constexpr std::array<Row, 13> kTypes = {{
    {StoredType::kF64, "F64", 8, DType::kF32},
    {StoredType::kF32, "F32", 4, DType::kF32},
    {StoredType::kF16, "F16", 2, DType::kF16},
    {StoredType::kBF16, "BF16", 2, DType::kBF16},
    {StoredType::kI64, "I64", 8, DType::kI64},
    {StoredType::kI32, "I32", 4, DType::kI32},
    {StoredType::kI16, "I16", 2, DType::kI32},
    {StoredType::kI8, "I8", 1, DType::kI32},
    {StoredType::kU64, "U64", 8, DType::kI64},
    {StoredType::kU32, "U32", 4, DType::kI64},
    {StoredType::kU16, "U16", 2, DType::kI32},
    {StoredType::kU8, "U8", 1, DType::kU8},
    {StoredType::kBool, "BOOL", 1, DType::kU8},
}};

const Row& RowOf(StoredType type) { return kTypes[static_cast<size_t>(type)]; }

template <typename From, typename To, typename Convert>
void ConvertEach(const std::byte* from, To* to, int64_t count, Convert convert) {
  for (int64_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, from + static_cast<size_t>(i) * sizeof(From), sizeof(From));
    to[i] = convert(value);
  }
}

absl::Status Convert(const std::byte* from, StoredType type, Tensor& to) {
  const int64_t count = to.numel();
  const auto widen = [](auto x) { return static_cast<int64_t>(x); };
  const auto widen32 = [](auto x) { return static_cast<int32_t>(x); };
  switch (type) {
    case StoredType::kF64:
      ConvertEach<double>(from, to.mutable_data<float>(), count,
                          [](double x) { return static_cast<float>(x); });
      break;
    case StoredType::kI16:
      ConvertEach<int16_t>(from, to.mutable_data<int32_t>(), count, widen32);
      break;
    case StoredType::kI8:
      ConvertEach<int8_t>(from, to.mutable_data<int32_t>(), count, widen32);
      break;
    case StoredType::kU16:
      ConvertEach<uint16_t>(from, to.mutable_data<int32_t>(), count, widen32);
      break;
    case StoredType::kU32:
      ConvertEach<uint32_t>(from, to.mutable_data<int64_t>(), count, widen);
      break;
    case StoredType::kU64: {
      bool fits = true;
      ConvertEach<uint64_t>(from, to.mutable_data<int64_t>(), count, [&fits](uint64_t x) {
        fits = fits && x <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
        return static_cast<int64_t>(x);
      });
      if (!fits) return Invalid("an unsigned number is beyond the range of i64");
      break;
    }
    case StoredType::kBool:
      ConvertEach<uint8_t>(from, to.mutable_data<uint8_t>(), count,
                           [](uint8_t x) { return static_cast<uint8_t>(x != 0); });
      break;
    default:
      if (to.bytes() > 0) std::memcpy(to.mutable_data<std::byte>(), from, to.bytes());
  }
  return absl::OkStatus();
}

}  // namespace

bool IsNative(StoredType type) {
  switch (type) {
    case StoredType::kF32:
    case StoredType::kF16:
    case StoredType::kBF16:
    case StoredType::kI64:
    case StoredType::kI32:
    case StoredType::kU8:
      return true;
    default:
      return false;
  }
}

size_t SizeOf(StoredType type) { return RowOf(type).bytes; }
DType DTypeOfStored(StoredType type) { return RowOf(type).dtype; }
absl::string_view SafetensorsName(StoredType type) { return RowOf(type).name; }

std::optional<StoredType> StoredTypeFromSafetensors(absl::string_view name) {
  for (const Row& row : kTypes) {
    if (row.name == name) return row.type;
  }
  return std::nullopt;
}

StoredType StoredTypeOf(DType dtype) {
  for (const Row& row : kTypes) {
    if (row.dtype == dtype && IsNative(row.type)) return row.type;
  }
  return StoredType::kU8;
}

std::string StoredTypeNames() {
  return absl::StrJoin(kTypes, ", ",
                       [](std::string* out, const Row& row) { absl::StrAppend(out, row.name); });
}

absl::StatusOr<size_t> StoredBytes(absl::Span<const int64_t> shape, StoredType type) {
  constexpr size_t kMostExtents = 16;
  if (shape.size() > kMostExtents) {
    return Invalid("its shape has ", shape.size(), " extents, more than the ", kMostExtents,
                   " that are read");
  }
  // Extents of 0 are left out of this product, so that no other extent can hide behind one.
  int64_t product = static_cast<int64_t>(SizeOf(type));
  bool empty = false;
  for (const int64_t extent : shape) {
    if (extent < 0) return Invalid("its shape ", Shape(shape).ToString(), " has a negative extent");
    empty = empty || extent == 0;
    const int64_t factor = std::max<int64_t>(extent, 1);
    if (product > std::numeric_limits<int64_t>::max() / factor) {
      return Invalid("its shape ", Shape(shape).ToString(), " is too large to address");
    }
    product *= factor;
  }
  return empty ? size_t{0} : static_cast<size_t>(product);
}

absl::StatusOr<Tensor> TensorFromBytes(absl::Span<const std::byte> bytes, StoredType type,
                                       Shape shape, bool swap_bytes,
                                       std::shared_ptr<const void> owner) {
  const size_t size = SizeOf(type);
  const bool aligned = reinterpret_cast<uintptr_t>(bytes.data()) % size == 0;
  if (IsNative(type) && aligned && !swap_bytes && owner != nullptr) {
    return Tensor::Window(Buffer::Foreign(bytes.data(), bytes.size(), std::move(owner)), 0,
                          DTypeOfStored(type), std::move(shape));
  }
  WEFT_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(Allocator(Device::kCpu),
                                                        DTypeOfStored(type), std::move(shape)));
  if (swap_bytes && size > 1) {
    std::vector<std::byte> swapped(bytes.begin(), bytes.end());
    for (size_t i = 0; i + size <= swapped.size(); i += size) {
      std::reverse(swapped.begin() + static_cast<std::ptrdiff_t>(i),
                   swapped.begin() + static_cast<std::ptrdiff_t>(i + size));
    }
    WEFT_RETURN_IF_ERROR(Convert(swapped.data(), type, tensor));
    return tensor;
  }
  WEFT_RETURN_IF_ERROR(Convert(bytes.data(), type, tensor));
  return tensor;
}

}  // namespace weft
