#ifndef WEFT_NODES_TEXT_STEP_RANGE_H_
#define WEFT_NODES_TEXT_STEP_RANGE_H_

#include <cstdint>
#include <limits>
#include <optional>

namespace weft {

// The steps of a run that something holds for: those that all three parts allow. Steps are counted
// from 0 to num_inference_steps - 1, whatever a scheduler calls the network in each.
struct StepRange {
  static constexpr int64_t kNoEnd = std::numeric_limits<int64_t>::max();

  // By shares of the run: from step ⌊first_share·n⌋ to before step ⌊last_share·n⌋, as diffusers'
  // guiders count.
  double first_share = 0.0;
  double last_share = 1.0;
  // By number: from first_step to before end_step.
  int64_t first_step = 0;
  int64_t end_step = kNoEnd;
  // In turns: the steps that leave `turn` when divided by `turns`.
  int64_t turns = 1;
  int64_t turn = 0;

  bool whole() const {
    return first_share <= 0.0 && last_share >= 1.0 && first_step <= 0 && end_step == kNoEnd &&
           turns == 1;
  }
  bool operator==(const StepRange&) const = default;
  bool Holds(int64_t step, int64_t num_inference_steps) const;
};

// The steps that both hold for, or none where a part of one leaves no step of the other's.
std::optional<StepRange> Both(const StepRange& a, const StepRange& b);

}  // namespace weft

#endif  // WEFT_NODES_TEXT_STEP_RANGE_H_
