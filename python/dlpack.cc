// DLPack 1.0, https://dmlc.github.io/dlpack/latest/: how libraries share tensors.

#include "python/dlpack.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "python/errors.h"

namespace weft::python {
namespace {

constexpr int32_t kCpuDevice = 1;
constexpr uint64_t kReadOnly = 1;
constexpr uint32_t kMajor = 1;
constexpr uint32_t kMinor = 0;
constexpr char kPlainName[] = "dltensor";
constexpr char kVersionedName[] = "dltensor_versioned";

// The binary interface, with the names of the standard.
struct DLDevice {
  int32_t device_type;
  int32_t device_id;
};
struct DLDataType {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t* shape;
  int64_t* strides;  // in elements; may be null where rows lie one after another
  uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensor*);
};
struct DLPackVersion {
  uint32_t major;
  uint32_t minor;
};
struct DLManagedTensorVersioned {
  DLPackVersion version;
  void* manager_ctx;
  void (*deleter)(DLManagedTensorVersioned*);
  uint64_t flags;
  DLTensor dl_tensor;
};

enum Code : uint8_t { kInt = 0, kUint = 1, kFloat = 2, kBfloat = 4 };

DLDataType DataTypeOf(DType dtype) {
  const auto bits = static_cast<uint8_t>(8 * SizeOf(dtype));
  switch (dtype) {
    case DType::kF32:
    case DType::kF16:
      return {kFloat, bits, 1};
    case DType::kBF16:
      return {kBfloat, bits, 1};
    case DType::kU8:
      return {kUint, bits, 1};
    case DType::kI32:
    case DType::kI64:
      return {kInt, bits, 1};
  }
  return {};
}

std::optional<DType> DTypeFrom(const DLDataType& type) {
  for (const DType dtype :
       {DType::kF32, DType::kBF16, DType::kF16, DType::kU8, DType::kI32, DType::kI64}) {
    const DLDataType known = DataTypeOf(dtype);
    if (known.code == type.code && known.bits == type.bits && type.lanes == 1) return dtype;
  }
  return std::nullopt;
}

// A capsule's tensor with all that its fields point to.
template <typename Managed>
struct Exported {
  Tensor tensor;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
  Managed managed = {};
};

template <typename Managed>
Managed* Export(const Tensor& tensor) {
  auto* exported = new Exported<Managed>;
  exported->tensor = tensor;
  exported->shape.assign(tensor.shape().dims().begin(), tensor.shape().dims().end());
  for (int i = 0; i < tensor.rank(); ++i) {
    exported->strides.push_back(tensor.shape().inner(i + 1));
  }
  DLTensor& out = exported->managed.dl_tensor;
  out.data = const_cast<std::byte*>(tensor.raw());
  out.device = {kCpuDevice, 0};
  out.ndim = tensor.rank();
  out.dtype = DataTypeOf(tensor.dtype());
  out.shape = exported->shape.data();
  out.strides = exported->strides.data();
  exported->managed.manager_ctx = exported;
  exported->managed.deleter = [](Managed* self) {
    delete static_cast<Exported<Managed>*>(self->manager_ctx);
  };
  return &exported->managed;
}

// A capsule that nobody took frees its tensor; one that was taken has another name.
template <typename Managed>
void Destroy(PyObject* capsule, const char* name) {
  if (PyCapsule_IsValid(capsule, name) == 0) return;
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, name));
  managed->deleter(managed);
}

bool IsDense(const DLTensor& tensor) {
  if (tensor.strides == nullptr) return true;
  int64_t expected = 1;
  for (int i = tensor.ndim - 1; i >= 0; --i) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != expected) return false;
    expected *= tensor.shape[i];
  }
  return true;
}

// Elements in the order of their indices.
void CopyStrided(const DLTensor& from, const std::byte* data, int axis, size_t size,
                 std::byte*& to) {
  if (axis == from.ndim) {
    std::memcpy(to, data, size);
    to += size;
    return;
  }
  for (int64_t i = 0; i < from.shape[axis]; ++i) {
    CopyStrided(from, data + i * from.strides[axis] * static_cast<int64_t>(size), axis + 1, size,
                to);
  }
}

template <typename Managed>
Tensor Import(Managed* managed) {
  // Whoever made it may need the interpreter's lock to free it.
  std::shared_ptr<const void> owner(managed, [](Managed* held) {
    if (held->deleter == nullptr || Py_IsInitialized() == 0) return;
    const py::gil_scoped_acquire lock;
    held->deleter(held);
  });
  const DLTensor& in = managed->dl_tensor;
  if (in.device.device_type != kCpuDevice) {
    ThrowArgument("the tensor is on another device; move it to the CPU first: tensor.cpu()");
  }
  const std::optional<DType> dtype = DTypeFrom(in.dtype);
  if (!dtype.has_value()) {
    ThrowArgument(absl::StrCat("the tensor has a type that weft does not know (DLPack code ",
                               in.dtype.code, ", ", in.dtype.bits,
                               " bits); it takes f32, bf16, f16, u8, i32 and i64"));
  }
  const Shape shape = ValueOrThrow(
      Shape::Checked(absl::MakeConstSpan(in.shape, static_cast<size_t>(in.ndim)), SizeOf(*dtype)));
  const size_t bytes = static_cast<size_t>(shape.numel()) * SizeOf(*dtype);
  const std::byte* data = static_cast<const std::byte*>(in.data) + in.byte_offset;
  const bool aligned = reinterpret_cast<uintptr_t>(data) % SizeOf(*dtype) == 0;
  if (IsDense(in) && aligned) {
    return ValueOrThrow(
        Tensor::Window(Buffer::Foreign(data, bytes, std::move(owner)), 0, *dtype, shape));
  }
  Tensor copy = ValueOrThrow(Tensor::Allocate(Allocator(Device::kCpu), *dtype, shape));
  auto* to = copy.mutable_data<std::byte>();
  if (in.strides == nullptr) {
    std::memcpy(to, data, bytes);
  } else {
    CopyStrided(in, data, 0, SizeOf(*dtype), to);
  }
  return copy;
}

}  // namespace

py::capsule ToDlpack(const Tensor& tensor, bool versioned) {
  if (versioned) {
    auto* managed = Export<DLManagedTensorVersioned>(tensor);
    managed->version = {kMajor, kMinor};
    managed->flags = kReadOnly;
    return py::capsule(managed, kVersionedName, [](PyObject* capsule) {
      Destroy<DLManagedTensorVersioned>(capsule, kVersionedName);
    });
  }
  return py::capsule(Export<DLManagedTensor>(tensor), kPlainName,
                     [](PyObject* capsule) { Destroy<DLManagedTensor>(capsule, kPlainName); });
}

Tensor FromDlpack(const py::object& producer) {
  if (py::hasattr(producer, "__dlpack_device__")) {
    const py::tuple device = producer.attr("__dlpack_device__")();
    if (device[0].cast<int>() != kCpuDevice) {
      ThrowArgument("the tensor is on another device; move it to the CPU first: tensor.cpu()");
    }
  }
  py::object source = producer;
  if (py::hasattr(source, "detach")) source = source.attr("detach")();  // torch: out of autograd
  py::object capsule;
  try {
    capsule = source.attr("__dlpack__")(py::arg("max_version") = py::make_tuple(kMajor, kMinor));
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_TypeError)) throw;  // it only knows DLPack before 1.0
    capsule = source.attr("__dlpack__")();
  }
  PyObject* raw = capsule.ptr();
  if (PyCapsule_IsValid(raw, kVersionedName) != 0) {
    auto* managed =
        static_cast<DLManagedTensorVersioned*>(PyCapsule_GetPointer(raw, kVersionedName));
    if (managed->version.major != kMajor) {
      ThrowArgument(absl::StrCat("the tensor comes by DLPack ", managed->version.major,
                                 ", of which weft knows version 1"));
    }
    PyCapsule_SetName(raw, "used_dltensor_versioned");
    return Import(managed);
  }
  if (PyCapsule_IsValid(raw, kPlainName) != 0) {
    auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(raw, kPlainName));
    PyCapsule_SetName(raw, "used_dltensor");
    return Import(managed);
  }
  ThrowArgument("__dlpack__ gave no DLPack capsule");
}

}  // namespace weft::python
