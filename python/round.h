#ifndef WEFT_PYTHON_ROUND_H_
#define WEFT_PYTHON_ROUND_H_

#include <pybind11/pybind11.h>

#include <memory>
#include <utility>

#include "runtime/graph/environment.h"

namespace weft::python {

namespace py = pybind11;

// A round of a loop as a step callback sees it; dead once the callback has returned.
class RoundHandle {
 public:
  RoundHandle(Round* round, Value preview) : round_(round), preview_(std::move(preview)) {}
  void Expire() { round_ = nullptr; }
  // Throws weft.Error where the callback has returned.
  Round& Get() const;
  const Value& preview() const { return preview_; }

 private:
  Round* round_;
  Value preview_;
};

void BindRounds(py::module_& module);

}  // namespace weft::python

#endif  // WEFT_PYTHON_ROUND_H_
