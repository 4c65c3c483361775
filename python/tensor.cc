#include "python/tensor.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "nodes/image/codec.h"
#include "nodes/image/pixels.h"
#include "nodes/image/png_text.h"
#include "python/dlpack.h"
#include "python/errors.h"
#include "runtime/base/file.h"
#include "runtime/base/nearest_name.h"

namespace weft::python {
namespace {

// The letter of Python's buffer protocol, or null for bf16, which it lacks.
const char* BufferFormat(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "f";
    case DType::kF16:
      return "e";
    case DType::kU8:
      return "B";
    case DType::kI32:
      return "i";
    case DType::kI64:
      return "q";
    case DType::kBF16:
      break;
  }
  return nullptr;
}

std::optional<DType> DTypeOfBuffer(const Py_buffer& view) {
  std::string format = view.format != nullptr ? view.format : "B";
  if (format.size() == 2 && (format[0] == '@' || format[0] == '=' || format[0] == '<')) {
    format.erase(0, 1);  // this processor's own order
  }
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kU8, DType::kI32, DType::kI64}) {
    if (format == BufferFormat(dtype)) return dtype;
  }
  if (format == "l") return view.itemsize == 8 ? DType::kI64 : DType::kI32;
  return std::nullopt;
}

[[noreturn]] void ThrowBufferType(py::handle object, const Py_buffer& view) {
  const std::string name = py::hasattr(object, "dtype")
                               ? py::str(object.attr("dtype")).cast<std::string>()
                               : absl::StrCat("\"", view.format, "\"");
  ThrowArgument(absl::StrCat("an array of ", name,
                             " cannot go on a wire: weft takes float32, float16, uint8, int32 and "
                             "int64; convert it, for example with .astype(\"float32\")"));
}

// The object's memory, or nothing where its elements do not lie one after another.
std::optional<Tensor> FromBuffer(py::handle object) {
  auto view = std::make_unique<Py_buffer>();
  if (PyObject_GetBuffer(object.ptr(), view.get(), PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) != 0) {
    PyErr_Clear();
    return std::nullopt;
  }
  std::shared_ptr<Py_buffer> owner(view.release(), [](Py_buffer* held) {
    if (Py_IsInitialized() == 0) return;
    const py::gil_scoped_acquire lock;
    PyBuffer_Release(held);
    delete held;
  });
  const std::optional<DType> dtype = DTypeOfBuffer(*owner);
  if (!dtype.has_value()) ThrowBufferType(object, *owner);
  if (reinterpret_cast<uintptr_t>(owner->buf) % SizeOf(*dtype) != 0) return std::nullopt;
  const std::vector<int64_t> dims(owner->shape, owner->shape + owner->ndim);
  const Shape shape = ValueOrThrow(Shape::Checked(dims, SizeOf(*dtype)));
  const auto bytes = static_cast<size_t>(owner->len);
  const void* data = owner->buf;
  return ValueOrThrow(
      Tensor::Window(Buffer::Foreign(data, bytes, std::move(owner)), 0, *dtype, shape));
}

py::buffer_info BufferOf(const TensorHandle& handle) {
  const Tensor& tensor = handle.tensor;
  if (tensor.is_meta()) throw py::type_error("this tensor has a shape alone: no memory");
  const char* format = BufferFormat(tensor.dtype());
  if (format == nullptr) throw py::buffer_error("numpy has no bf16");
  std::vector<py::ssize_t> shape(tensor.shape().dims().begin(), tensor.shape().dims().end());
  std::vector<py::ssize_t> strides;
  const auto size = static_cast<py::ssize_t>(SizeOf(tensor.dtype()));
  for (int i = 0; i < tensor.rank(); ++i) {
    strides.push_back(size * tensor.shape().inner(i + 1));
  }
  return py::buffer_info(const_cast<std::byte*>(tensor.raw()), size, format, tensor.rank(),
                         std::move(shape), std::move(strides), /*readonly=*/true);
}

TensorHandle Convert(const TensorHandle& handle, const std::string& name) {
  const std::optional<DType> dtype = DTypeFromName(name);
  if (!dtype.has_value()) {
    ThrowArgument(absl::StrCat("unknown type \"", name, "\"",
                               DidYouMean(name, {"f32", "bf16", "f16", "u8", "i32", "i64"})));
  }
  absl::StatusOr<Tensor> converted;
  {
    const py::gil_scoped_release unlocked;
    converted = handle.tensor.To(*dtype, Allocator(Device::kCpu));
  }
  return {ValueOrThrow(std::move(converted)), handle.description};
}

// One picture [1, h, w, c] u8; several become a sheet.
absl::StatusOr<Tensor> OnePicture(const Tensor& tensor) {
  const Allocator memory(Device::kCpu);
  absl::StatusOr<Tensor> shaped = tensor;
  if (tensor.rank() == 3) {
    shaped = tensor.Reshape(Shape{1, tensor.dim(0), tensor.dim(1), tensor.dim(2)});
  }
  if (!shaped.ok()) return shaped;
  if (absl::Status status = CheckImage(*shaped); !status.ok()) return status;
  absl::StatusOr<Tensor> bytes = ToU8(*shaped, memory);
  if (!bytes.ok() || bytes->dim(0) == 1) return bytes;
  int64_t columns = 1;
  while (columns * columns < bytes->dim(0)) ++columns;
  return ContactSheet({*bytes}, columns, 4, memory);
}

py::bytes EncodedPicture(const TensorHandle& handle, const std::string& path, int quality) {
  absl::StatusOr<std::string> encoded;
  {
    const py::gil_scoped_release unlocked;
    encoded = [&]() -> absl::StatusOr<std::string> {
      absl::StatusOr<ImageFormat> format = ImageFormatOf(path);
      if (!format.ok()) return format.status();
      absl::StatusOr<Tensor> picture = OnePicture(handle.tensor);
      if (!picture.ok()) return picture.status();
      EncodeOptions options;
      options.quality = quality;
      if (handle.description != nullptr && *format == ImageFormat::kPng) {
        options.text_key = std::string(kPngGraphKey);
        options.text = *handle.description;
      }
      return EncodeImage(*picture, *format, options);
    }();
  }
  return py::bytes(ValueOrThrow(std::move(encoded)));
}

}  // namespace

bool IsArrayLike(py::handle object) {
  if (py::isinstance<TensorHandle>(object)) return true;
  if (PyBytes_Check(object.ptr()) || PyByteArray_Check(object.ptr())) return false;
  return PyObject_CheckBuffer(object.ptr()) != 0 || py::hasattr(object, "__dlpack__") ||
         py::hasattr(object, "__array__") || py::hasattr(object, "__array_interface__");
}

Tensor TensorFromPython(py::handle object) {
  if (py::isinstance<TensorHandle>(object)) return object.cast<const TensorHandle&>().tensor;
  const bool has_buffer = PyObject_CheckBuffer(object.ptr()) != 0;
  if (has_buffer) {
    if (std::optional<Tensor> tensor = FromBuffer(object)) return *std::move(tensor);
  } else if (py::hasattr(object, "__dlpack__")) {
    return FromDlpack(py::reinterpret_borrow<py::object>(object));
  }
  // Pictures, and arrays that are cut out of others: a copy.
  const py::object numpy = py::module_::import("numpy");
  const py::object array =
      numpy.attr("require")(object, py::arg("requirements") = py::make_tuple("C", "A"));
  if (std::optional<Tensor> tensor = FromBuffer(array)) return *std::move(tensor);
  ThrowArgument(absl::StrCat("cannot read ", py::repr(object).cast<std::string>(), " as an array"));
}

void BindTensor(py::module_& module) {
  py::class_<TensorHandle>(module, "Tensor", py::buffer_protocol())
      .def(py::init([](const TensorHandle& other) { return other; }))
      .def(py::init([](const py::object& data) {
        return TensorHandle{TensorFromPython(data), {}};
      }))
      .def_buffer(&BufferOf)
      .def_property_readonly("shape",
                             [](const TensorHandle& self) {
                               py::tuple shape(self.tensor.rank());
                               for (int i = 0; i < self.tensor.rank(); ++i) {
                                 shape[static_cast<size_t>(i)] = self.tensor.dim(i);
                               }
                               return shape;
                             })
      .def_property_readonly(
          "dtype_name",
          [](const TensorHandle& self) { return std::string(Name(self.tensor.dtype())); })
      .def_property_readonly("is_meta",
                             [](const TensorHandle& self) { return self.tensor.is_meta(); })
      .def_property_readonly(
          "description",
          [](const TensorHandle& self) { return self.description ? *self.description : ""; })
      .def("convert", &Convert)
      .def("encode", &EncodedPicture)
      .def("dlpack",
           [](const TensorHandle& self, bool versioned) {
             if (self.tensor.is_meta()) throw py::type_error("this tensor has no memory");
             return ToDlpack(self.tensor, versioned);
           })
      .def_static("from_dlpack", [](const py::object& producer) {
        return TensorHandle{FromDlpack(producer), {}};
      });
  module.def("decode_image_file", [](const std::string& path) {
    absl::StatusOr<Tensor> image;
    {
      const py::gil_scoped_release unlocked;
      image = DecodeImageFile(path, Allocator(Device::kCpu));
    }
    return TensorHandle{ValueOrThrow(std::move(image)), {}};
  });
}

}  // namespace weft::python
