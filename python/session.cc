#include "python/session.h"

#include "python/errors.h"

namespace weft::python {

Session& Session::Get() {
  static auto* session = new Session;
  return *session;
}

DType ComputeFor(const std::string& precision) {
  return precision.empty() ? Session::Get().compute : ValueOrThrow(ParsePrecision(precision));
}

}  // namespace weft::python
