#ifndef WEFT_PYTHON_TENSOR_H_
#define WEFT_PYTHON_TENSOR_H_

#include <pybind11/pybind11.h>

#include <memory>
#include <string>

#include "runtime/tensor/tensor.h"

namespace weft::python {

namespace py = pybind11;

// A tensor as Python holds it: immutable, shown to numpy and others without a copy.
struct TensorHandle {
  Tensor tensor;
  // Of a picture: the graph that drew it, which a saved PNG carries. May be null.
  std::shared_ptr<const std::string> description;
};

void BindTensor(py::module_& module);

// Whether an object can become a tensor: an array, a tensor of another library, a PIL picture.
bool IsArrayLike(py::handle object);
// Without a copy where its elements lie one after another; the object is kept alive. Throws
// weft.ArgumentError for types that weft does not know.
Tensor TensorFromPython(py::handle object);

}  // namespace weft::python

#endif  // WEFT_PYTHON_TENSOR_H_
