#ifndef WEFT_PYTHON_SESSION_H_
#define WEFT_PYTHON_SESSION_H_

#include <optional>
#include <string>

#include "nodes/weft_runtime.h"

namespace weft::python {

// What all graphs and calls of this process share; made when the package is imported, never
// destroyed, because values may outlive the interpreter.
struct Session {
  std::unique_ptr<WeftRuntime> weft;
  DType compute = DType::kF32;   // of calls, and of runs that do not say
  std::optional<size_t> memory;  // likewise; see RunOptions

  static Session& Get();
};

// The precision that a run asks for; "" is the session's.
DType ComputeFor(const std::string& precision);
// The budget that a run asks for; "" is the session's.
std::optional<size_t> MemoryFor(const std::string& memory);

}  // namespace weft::python

#endif  // WEFT_PYTHON_SESSION_H_
