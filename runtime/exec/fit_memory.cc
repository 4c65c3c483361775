#include "runtime/exec/fit_memory.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "runtime/base/status_macros.h"
#include "runtime/exec/process_memory.h"
#include "runtime/tensor/keep_budget.h"

namespace weft {
namespace {

constexpr size_t kUnlimited = std::numeric_limits<size_t>::max();

// A dry run that may keep `most` bytes of packed weights; that budget becomes the environment's.
absl::StatusOr<DryRunResult> DryRunKeeping(size_t most, const Plan& plan,
                                           Environment& environment) {
  environment.keep = std::make_shared<KeepBudget>(most);
  return DryRun(plan, environment);
}

// The node in which most memory is alive: the first that reaches the peak.
const DryRunNode* NodeOfPeak(const DryRunResult& result) {
  const auto at =
      std::find_if(result.nodes.begin(), result.nodes.end(),
                   [&](const DryRunNode& node) { return node.peak_bytes == result.peak_bytes; });
  return at != result.nodes.end() ? &*at : nullptr;
}

// Whole megabytes and one more, since a process is not quite as large each time: what is said here
// is accepted when it is asked for.
std::string AtLeast(size_t bytes) {
  return absl::StrFormat("%.0f MB", std::ceil(static_cast<double>(bytes) / 1e6) + 1);
}

absl::Status Refuse(const Plan& plan, Environment environment, const MemoryNeed& need,
                    const DryRunResult& least) {
  std::string message = absl::StrCat(
      "a memory of ", BytesText(need.budget), " is not enough: this run takes at least ",
      AtLeast(need.least), ", with the weights of each layer packed anew for each use, and ",
      AtLeast(need.everything), " with all of them kept");
  if (const DryRunNode* node = NodeOfPeak(least)) {
    absl::StrAppend(&message, "; most of it in \"", node->path, "\" (", node->type, ")");
  }
  absl::StrAppend(&message, ". Smaller pictures or batches take less");
  if (environment.compute == DType::kF32) {
    environment.compute = DType::kBF16;
    const absl::StatusOr<DryRunResult> half = DryRunKeeping(0, plan, environment);
    if (half.ok() && half->peak_bytes < least.peak_bytes) {
      absl::StrAppend(&message, ", and so does precision bf16: at least ",
                      AtLeast(need.around + half->peak_bytes));
    }
  }
  return absl::ResourceExhaustedError(message);
}

}  // namespace

absl::StatusOr<size_t> ParseMemory(absl::string_view text) {
  const std::string lower = absl::AsciiStrToLower(absl::StripAsciiWhitespace(text));
  if (lower == "low") return kLeastMemory;
  absl::string_view number = lower;
  absl::ConsumeSuffix(&number, "b");
  const double base = absl::ConsumeSuffix(&number, "i") ? 1024 : 1000;
  double unit = 0;
  for (const auto& [letter, power] : {std::pair<const char*, int>{"k", 1}, {"m", 2}, {"g", 3}}) {
    if (unit == 0 && absl::ConsumeSuffix(&number, letter)) unit = std::pow(base, power);
  }
  double value = 0;
  constexpr double kMost = 1e15;
  if (unit == 0 || !absl::SimpleAtod(absl::StripAsciiWhitespace(number), &value) || !(value > 0) ||
      value * unit < 1 || value * unit > kMost) {
    return Invalid("\"", text, "\" is no amount of memory; write it as 4G, 400M, 512MiB or low");
  }
  return static_cast<size_t>(value * unit);
}

absl::StatusOr<DryRunResult> FitMemory(const Plan& plan, Environment& environment,
                                       std::optional<size_t> budget) {
  if (!budget.has_value()) return DryRun(plan, environment);
  const size_t resident = ResidentBytes();
  WEFT_ASSIGN_OR_RETURN(DryRunResult everything, DryRunKeeping(kUnlimited, plan, environment));
  // What earlier runs have packed already is both in the process and in what this run takes.
  const size_t ready = std::min(resident, environment.keep->ready());
  MemoryNeed need{.budget = *budget, .around = resident - ready + kWorkingBytes};
  need.everything = need.around + everything.peak_bytes;
  WEFT_ASSIGN_OR_RETURN(DryRunResult least, DryRunKeeping(0, plan, environment));
  need.least = need.around + least.peak_bytes;
  if (need.budget != kLeastMemory && need.budget >= need.everything) {
    need.all_kept = true;
    environment.keep = nullptr;
    everything.memory = need;
    return everything;
  }
  if (need.budget == kLeastMemory) {
    environment.keep = std::make_shared<KeepBudget>(0);
    least.memory = need;
    return least;
  }
  if (need.budget < need.least) return Refuse(plan, environment, need, least);
  const size_t most = need.budget - need.least;
  WEFT_ASSIGN_OR_RETURN(DryRunResult some, DryRunKeeping(most, plan, environment));
  environment.keep = std::make_shared<KeepBudget>(most);
  some.memory = need;
  return some;
}

}  // namespace weft
