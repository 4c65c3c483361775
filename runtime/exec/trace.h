#ifndef WEFT_RUNTIME_EXEC_TRACE_H_
#define WEFT_RUNTIME_EXEC_TRACE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "runtime/graph/environment.h"

namespace weft {

// Collects what every node took and how many bytes were alive after it, as Chrome trace JSON (for
// chrome://tracing or Perfetto): heavy nodes on thread 1, light ones on thread 2.
class Trace {
 public:
  void Add(const Event& event);
  std::string ToJson() const;

 private:
  std::vector<Event> finished_;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_EXEC_TRACE_H_
