#include "python/session.h"

#include "python/errors.h"
#include "runtime/exec/fit_memory.h"

namespace weft::python {

Session& Session::Get() {
  static auto* session = new Session;
  return *session;
}

DType ComputeFor(const std::string& precision) {
  return precision.empty() ? Session::Get().compute : ValueOrThrow(ParsePrecision(precision));
}

std::optional<size_t> MemoryFor(const std::string& memory) {
  return memory.empty() ? Session::Get().memory : ValueOrThrow(ParseMemory(memory));
}

}  // namespace weft::python
