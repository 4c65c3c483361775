#ifndef WEFT_PYTHON_PYTHON_NODE_H_
#define WEFT_PYTHON_PYTHON_NODE_H_

#include <pybind11/pybind11.h>

namespace weft::python {

void BindPythonNodes(pybind11::module_& module);

}  // namespace weft::python

#endif  // WEFT_PYTHON_PYTHON_NODE_H_
