#include "nodes/layers/resnet_block.h"

#include <utility>

namespace weft {

ResnetBlock::ResnetBlock(const Scope& scope, const ResnetConfig& config)
    : activation_(config.activation),
      norm1_(scope.Sub("norm1"), config.in, config.groups, config.eps),
      conv1_(scope.Sub("conv1"), config.in, config.out),
      norm2_(scope.Sub("norm2"), config.out, config.groups, config.eps),
      conv2_(scope.Sub("conv2"), config.out, config.out) {
  if (config.time_width > 0) {
    time_.emplace(scope.Sub("time_emb_proj"), config.time_width, config.out);
  }
  if (config.in != config.out) {
    shortcut_.emplace(scope.Sub("conv_shortcut"), config.in, config.out, 1);
  }
}

Tensor ResnetBlock::operator()(Ops& ops, Sources x, const Tensor& time) const {
  // The shortcut comes first: the norm may then work in the memory of x.
  Tensor kept = shortcut_.has_value() ? (*shortcut_)(ops, x) : x[0];            // [b, h, w, out]
  Tensor h = norm1_(ops, std::move(x), activation_, ReaderOf(conv1_.weights));  // [b, h, w, in]
  Tensor t = time_.has_value() ? (*time_)(ops, time) : Tensor();                // [b, out]
  h = conv1_(ops, std::move(h), {.per_channel = std::move(t)});                 // [b, h, w, out]
  h = norm2_(ops, std::move(h), activation_, ReaderOf(conv2_.weights));         // [b, h, w, out]
  return conv2_(ops, std::move(h), {.residual = std::move(kept)});              // [b, h, w, out]
}

}  // namespace weft
