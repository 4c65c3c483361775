#include "python/errors.h"

#include "runtime/graph/problem.h"

namespace weft::python {
namespace {

// Never destroyed: the interpreter may be gone by then.
py::object& Maker() {
  static auto* maker = new py::object(py::none());
  return *maker;
}

[[noreturn]] void Raise(const py::object& error, const py::object& cause) {
  if (!cause.is_none()) PyException_SetCause(error.ptr(), py::object(cause).release().ptr());
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
  throw py::error_already_set();
}

}  // namespace

void BindErrors(py::module_& module) {
  py::class_<Problem>(module, "Problem", "One thing that is wrong with a graph, and where.")
      .def_readonly("node", &Problem::node, "The node's path, such as \"denoise/loop/noise\".")
      .def_readonly("type", &Problem::type, "The node's type.")
      .def_readonly("port", &Problem::port, "The input it is about, or \"\".")
      .def_readonly("path", &Problem::json_path, "Where in the graph: \"nodes.sum.inputs.a\".")
      .def_readonly("file", &Problem::file, "The file that says so, or \"\".")
      .def_readonly("line", &Problem::line, "The line in the file, or 0.")
      .def_readonly("message", &Problem::message, "What is wrong.")
      .def("__str__", &Problem::ToString)
      .def("__repr__",
           [](const Problem& problem) { return "<weft.Problem " + problem.ToString() + ">"; });
  module.def("set_error_maker", [](py::object maker) { Maker() = std::move(maker); });
}

void Throw(const absl::Status& status, const py::object& cause) {
  py::list problems;
  for (const Problem& problem : ProblemsOf(status)) problems.append(problem);
  Raise(Maker()(absl::StatusCodeToString(status.code()), std::string(status.message()),
                HasProblems(status), problems),
        cause);
}

void ThrowArgument(const std::string& message) {
  Raise(Maker()("ARGUMENT", message, false, py::list()), py::none());
}

SharedPyObject::SharedPyObject(py::object object)
    : object_(new py::object(std::move(object)), [](py::object* held) {
        if (Py_IsInitialized() == 0) return;  // the interpreter has taken all down with it
        const py::gil_scoped_acquire lock;
        delete held;
      }) {}

}  // namespace weft::python
