#include "nodes/text/step_range.h"

#include <algorithm>
#include <numeric>

namespace weft {
namespace {

// More steps than any run has.
constexpr int64_t kManyTurns = 1'000'000;

}  // namespace

bool StepRange::Holds(int64_t step, int64_t num_inference_steps) const {
  const auto count = static_cast<double>(num_inference_steps);
  if (first_share > 0.0 && step < static_cast<int64_t>(first_share * count)) return false;
  if (last_share < 1.0 && step >= static_cast<int64_t>(last_share * count)) return false;
  return step >= first_step && step < end_step && step % turns == turn;
}

std::optional<StepRange> Both(const StepRange& a, const StepRange& b) {
  StepRange both = a;
  both.first_share = std::max(a.first_share, b.first_share);
  both.last_share = std::min(a.last_share, b.last_share);
  both.first_step = std::max(a.first_step, b.first_step);
  both.end_step = std::min(a.end_step, b.end_step);
  if (both.first_share >= both.last_share || both.first_step >= both.end_step) return std::nullopt;
  // Two turns meet in every least common multiple of steps once, or never.
  if ((a.turn - b.turn) % std::gcd(a.turns, b.turns) != 0) return std::nullopt;
  both.turns = std::lcm(a.turns, b.turns);
  both.turn = a.turn;
  while (both.turn % b.turns != b.turn) both.turn += a.turns;
  if (both.turns > kManyTurns) {  // one step and no other
    both.first_step = std::max(both.first_step, both.turn);
    both.end_step = std::min(both.end_step, both.turn + 1);
    both.turns = 1;
    both.turn = 0;
    if (both.first_step >= both.end_step) return std::nullopt;
  }
  return both;
}

}  // namespace weft
