#ifndef WEFT_PYTHON_DLPACK_H_
#define WEFT_PYTHON_DLPACK_H_

#include <pybind11/pybind11.h>

#include <cstdint>

#include "runtime/tensor/tensor.h"

namespace weft::python {

namespace py = pybind11;

// The tensor as a capsule that torch, numpy, jax … take without copying. `versioned` capsules say
// that the tensor must not be written to; older consumers have to know.
py::capsule ToDlpack(const Tensor& tensor, bool versioned);

// What `producer.__dlpack__()` gives, without copying where its elements lie one after another.
// Throws weft.ArgumentError for other devices and types.
Tensor FromDlpack(const py::object& producer);

}  // namespace weft::python

#endif  // WEFT_PYTHON_DLPACK_H_
