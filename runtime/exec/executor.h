#ifndef WEFT_RUNTIME_EXEC_EXECUTOR_H_
#define WEFT_RUNTIME_EXEC_EXECUTOR_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "runtime/graph/environment.h"
#include "runtime/graph/plan.h"

namespace weft {

struct RunResult {
  absl::btree_map<std::string, Value> outputs;
  size_t peak_bytes = 0;  // of tensors and packed weights
  double seconds = 0;
};

// Runs a plan: heavy nodes one after another, each with the whole team of threads; light ones
// beside them. Every value is let go after its last use. Errors name file, line, node and port.
// CANCELLED where environment.cancelled became true: nothing more starts, and the node that is
// running stops between two of its operations.
absl::StatusOr<RunResult> Execute(const Plan& plan, const Environment& environment);

struct DryRunNode {
  std::string path;
  std::string type;
  // What it gives, such as "tensor f32 [1, 4, 16, 16]", by port.
  std::vector<std::pair<std::string, std::string>> outputs;
  size_t live_bytes = 0;      // after the node
  size_t peak_bytes = 0;      // the most so far
  size_t kept_bytes = 0;      // of the weights that it packs: what a budget keeps,
  size_t streamed_bytes = 0;  // and what it does not
};

// What a run within a budget of memory takes, in bytes.
struct MemoryNeed {
  size_t budget = 0;
  size_t around = 0;      // what the process takes besides tensors
  size_t everything = 0;  // with that and all packed weights kept
  size_t least = 0;       // with none kept
  bool all_kept = false;
};

struct DryRunResult {
  std::vector<DryRunNode> nodes;  // bodies of loops once
  absl::btree_map<std::string, std::string> outputs;
  size_t peak_bytes = 0;             // of tensors and packed weights
  std::optional<MemoryNeed> memory;  // where there is a budget
};

// Runs a plan without memory: every node says what it would give. Finds the mistakes that types
// alone do not show (widths, channels, sizes, missing files and tensors), all in one report.
absl::StatusOr<DryRunResult> DryRun(const Plan& plan, const Environment& environment);

// "int 20", "tensor f32 [1, 4, 16, 16]", "list of 20 × record", "clip[width=768]".
std::string Describe(const Value& value);

}  // namespace weft

#endif  // WEFT_RUNTIME_EXEC_EXECUTOR_H_
