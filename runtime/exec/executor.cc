#include "runtime/exec/executor.h"

#include <utility>

#include "runtime/base/status_macros.h"
#include "runtime/exec/execution.h"

namespace weft {

absl::StatusOr<RunResult> Execute(const Plan& plan, const Environment& environment) {
  Execution execution(plan, environment, false);
  WEFT_RETURN_IF_ERROR(execution.Run());
  RunResult result;
  WEFT_ASSIGN_OR_RETURN(result.outputs, execution.Outputs());
  result.peak_bytes = execution.peak();
  result.seconds = execution.seconds();
  return result;
}

absl::StatusOr<DryRunResult> DryRun(const Plan& plan, const Environment& environment) {
  Execution execution(plan, environment, true);
  const absl::Status status = execution.Run();
  if (!execution.problems.empty()) return ToStatus(execution.problems);
  WEFT_RETURN_IF_ERROR(status);
  DryRunResult result;
  WEFT_ASSIGN_OR_RETURN(const auto outputs, execution.Outputs());
  for (const auto& [name, value] : outputs) result.outputs[name] = Describe(value);
  result.nodes = std::move(execution.dry_nodes);
  result.peak_bytes = execution.peak();
  return result;
}

}  // namespace weft
