#ifndef WEFT_RUNTIME_GRAPH_PROBLEM_H_
#define WEFT_RUNTIME_GRAPH_PROBLEM_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace weft {

// One thing that is wrong with a graph, and where.
struct Problem {
  std::string file;
  int line = 0;           // 0: not known
  std::string json_path;  // "nodes.sum.inputs.a"
  std::string node;       // "denoise/loop/noise", or ""
  std::string type;       // of the node, or ""
  std::string port;       // or ""
  std::string message;

  // "txt2img.json:12: node "guide" (Guidance), "positive": …"
  std::string ToString() const;
};

// All problems as one error, a line each; OK if there are none.
absl::Status ToStatus(const std::vector<Problem>& problems,
                      absl::StatusCode code = absl::StatusCode::kInvalidArgument);

// Whether ToStatus made this error.
bool HasProblems(const absl::Status& status);

// The problems that ToStatus made an error of; a single one without a place for other errors.
std::vector<Problem> ProblemsOf(const absl::Status& status);

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_PROBLEM_H_
