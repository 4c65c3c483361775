#ifndef WEFT_RUNTIME_EXEC_FIT_MEMORY_H_
#define WEFT_RUNTIME_EXEC_FIT_MEMORY_H_

#include <cstddef>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/exec/executor.h"

namespace weft {

// A budget that nothing can be refused by: no packed weight is kept.
inline constexpr size_t kLeastMemory = 0;

// "4G", "1.5GB", "400M" (powers of 1000), "512MiB" (of 1024), or "low", which is kLeastMemory.
absl::StatusOr<size_t> ParseMemory(absl::string_view text);

// A dry run, and where there is a budget what of the packed weights may be kept, which becomes
// `environment.keep`. The whole process has to fit in the budget: what it holds now, what the run
// takes with no weight kept, and what is left for those that are. RESOURCE_EXHAUSTED where even the
// least does not fit; says what that is.
absl::StatusOr<DryRunResult> FitMemory(const Plan& plan, Environment& environment,
                                       std::optional<size_t> budget);

}  // namespace weft

#endif  // WEFT_RUNTIME_EXEC_FIT_MEMORY_H_
