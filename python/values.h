#ifndef WEFT_PYTHON_VALUES_H_
#define WEFT_PYTHON_VALUES_H_

#include <pybind11/pybind11.h>

#include <memory>
#include <string>

#include "runtime/graph/contract.h"
#include "runtime/graph/value.h"

namespace weft::python {

namespace py = pybind11;

// A model, a scheduler …: Python passes it on and never looks inside.
struct ObjectHandle {
  std::shared_ptr<const Object> object;
};
// Plain data with named fields: a step, a scheduler's state.
struct RecordHandle {
  Value value;
};

void BindValues(py::module_& module);

// A value as Python sees it. `type` is that of the port that gave it: it decides between a picture
// and a latent, which are both tensors. `description` goes to pictures.
py::object ToPython(const Value& value, const Type& type,
                    const std::shared_ptr<const std::string>& description = nullptr);

// A Python object as a value for a port of `type`. What cannot be one throws weft.ArgumentError;
// whether it fits the port is for the runtime to say.
Value FromPython(py::handle object, const Type& type);

// Ports and contracts as Python reads them.
py::object DescribePort(const std::string& name, const PortSpec& port);

}  // namespace weft::python

#endif  // WEFT_PYTHON_VALUES_H_
