#ifndef WEFT_NODES_SAMPLING_BROWNIAN_TREE_H_
#define WEFT_NODES_SAMPLING_BROWNIAN_TREE_H_

#include <cstdint>

#include "nodes/sampling/latent_math.h"

namespace weft {

// Brownian motion over the noise levels of a run, fixed by a seed alone: however the way is cut
// into steps, they see parts of one path. Each interval is halved, with the noise of each half
// from a generator seeded by its place in the tree, down to 1e-6 (Li et al. 2020,
// arXiv 2001.01328, as torchsde's BrownianTree does it; its numbers are met to rounding).
class BrownianTree {
 public:
  // Over `low`..`high`.
  BrownianTree(uint64_t seed, double low, double high);

  // Normally distributed values in the shape of `like`: the path's change between the two levels,
  // over the root of their distance. Levels outside of the tree count as its ends.
  Tensor Noise(LatentMath& math, const Tensor& like, float from, float to) const;

 private:
  struct Interval;
  // The change over `interval` where it lies within from..to.
  Tensor Within(LatentMath& math, const Interval& interval, const Tensor& change, double from,
                double to) const;

  uint64_t seed_;
  double low_;  // rounded to the tree's grid
  double high_;
  double span_;  // of the tree, not rounded
};

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_BROWNIAN_TREE_H_
