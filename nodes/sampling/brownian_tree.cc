#include "nodes/sampling/brownian_tree.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "nodes/sampling/seed_sequence.h"

namespace weft {
namespace {

constexpr size_t kPool = 24;  // words of entropy that torchsde's tree mixes

// To six decimals, the nearest one of the exact binary value.
double OnGrid(double x) {
  double rounded = x;
  return absl::SimpleAtod(absl::StrFormat("%.6f", x), &rounded) ? rounded : x;
}

Tensor Drawn(LatentMath& math, const Tensor& like, uint32_t seed) {
  Rng rng(seed);
  return math.Normal(rng, like);
}

}  // namespace

struct BrownianTree::Interval {
  double start;
  double end;
  uint64_t key;    // its place among those of its depth
  uint64_t depth;  // 0 for the whole
};

BrownianTree::BrownianTree(uint64_t seed, double low, double high)
    : seed_(seed), low_(OnGrid(low)), high_(OnGrid(high)), span_(high - low) {}

Tensor BrownianTree::Noise(LatentMath& math, const Tensor& like, float from, float to) const {
  const double begin = OnGrid(std::clamp<double>(std::min(from, to), low_, high_));
  const double end = OnGrid(std::clamp<double>(std::max(from, to), low_, high_));
  const double length = std::abs(static_cast<double>(to - from));
  // Two levels that the grid does not tell apart: no change.
  if (!(begin < end) || length == 0.0) return math.Sum({{0.0, like}});
  const uint32_t first = SeedSequence(seed_, {}, kPool, 1)[0];
  const Tensor whole = math.Sum({{std::sqrt(span_), Drawn(math, like, first)}});
  const Tensor change = Within(math, {low_, high_, 0, 0}, whole, begin, end);
  // The path runs from much noise to little.
  const double sign = from < to ? 1.0 : -1.0;
  return math.Sum({{sign / std::sqrt(length), change}});
}

Tensor BrownianTree::Within(LatentMath& math, const Interval& interval, const Tensor& change,
                            double from, double to) const {
  if (from <= interval.start && to >= interval.end) return change;
  const double middle = 0.5 * (interval.start + interval.end);
  const double midway = OnGrid(middle);
  // Given both ends, the middle of the path is normal around the straight line between them.
  const double left_share = (midway - interval.start) / (interval.end - interval.start);
  const double variance = left_share * (interval.end - midway);
  const uint64_t keys[] = {interval.key, interval.depth};
  const Tensor noise = Drawn(math, change, SeedSequence(seed_, keys, kPool, 1)[0]);
  const Tensor left = math.Sum({{left_share, change}, {std::sqrt(variance), noise}});
  const Interval before = {interval.start, midway, 2 * interval.key, interval.depth + 1};
  if (to <= midway) return Within(math, before, left, from, to);
  const Tensor right = math.Sum({{1.0, change}, {-1.0, left}});
  const Interval after = {midway, interval.end, 2 * interval.key + 1, interval.depth + 1};
  if (from >= midway) return Within(math, after, right, from, to);
  const Tensor first = Within(math, before, left, from, to);
  return math.Sum({{1.0, first}, {1.0, Within(math, after, right, from, to)}});
}

}  // namespace weft
