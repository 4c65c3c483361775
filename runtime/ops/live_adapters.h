#ifndef WEFT_RUNTIME_OPS_LIVE_ADAPTERS_H_
#define WEFT_RUNTIME_OPS_LIVE_ADAPTERS_H_

#include <memory>

#include "runtime/ops/ops.h"

namespace weft {

// Adapters that a layer computes beside its own weights, which stay as they are and are shared
// with the layer that has none:
//   y = base(x) + up(down(x)) + dense(x)
// Products of all adapters and all merged matrices are one pair: the downs on top of each other,
// the ups (scaled) beside each other, each in its matrix's rows. Adapters that are no product make
// up `dense`, a layer as large as the base.
struct LiveLinear {
  LinearWeights down;   // [Σ rank, in]
  LinearWeights up;     // [out, Σ rank]
  LinearWeights dense;  // as the base
};
struct LiveConv {
  ConvWeights down;  // the base's spec with Σ rank channels
  LinearWeights up;
  ConvWeights dense;
};

// What the live adapters of a layer's weights make up; null where there are none.
std::shared_ptr<const LiveLinear> LiveAdaptersOf(const LinearWeights& linear);
std::shared_ptr<const LiveConv> LiveAdaptersOf(const ConvWeights& conv);

}  // namespace weft

#endif  // WEFT_RUNTIME_OPS_LIVE_ADAPTERS_H_
