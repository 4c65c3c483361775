#ifndef WEFT_PYTHON_ERRORS_H_
#define WEFT_PYTHON_ERRORS_H_

#include <pybind11/pybind11.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weft::python {

namespace py = pybind11;

// The edge where statuses become exceptions. The exceptions themselves are written in Python
// (weft/_errors.py), which hands in the function that makes them.
void BindErrors(py::module_& module);

// The exception for `status`; `cause`, if there is one, becomes its __cause__.
[[noreturn]] void Throw(const absl::Status& status, const py::object& cause = py::none());
// weft.ArgumentError: what was handed in cannot be understood.
[[noreturn]] void ThrowArgument(const std::string& message);

inline void ThrowIfError(const absl::Status& status) {
  if (!status.ok()) Throw(status);
}
template <typename T>
T ValueOrThrow(absl::StatusOr<T> value) {
  if (!value.ok()) Throw(value.status());
  return *std::move(value);
}

// A Python object that C++ threads may copy and drop without holding the interpreter's lock.
class SharedPyObject {
 public:
  SharedPyObject() = default;
  explicit SharedPyObject(py::object object);
  // Needs the lock.
  py::object get() const { return object_ != nullptr ? *object_ : py::none(); }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  std::shared_ptr<py::object> object_;
};

}  // namespace weft::python

#endif  // WEFT_PYTHON_ERRORS_H_
