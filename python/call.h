#ifndef WEFT_PYTHON_CALL_H_
#define WEFT_PYTHON_CALL_H_

#include <pybind11/pybind11.h>

namespace weft::python {

void BindCall(pybind11::module_& module);

}  // namespace weft::python

#endif  // WEFT_PYTHON_CALL_H_
