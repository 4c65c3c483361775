#include "nodes/layers/conv2d.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/ops/live_adapters.h"
#include "runtime/weights/int8_table.h"

namespace weft {

Conv2d::Conv2d(const Scope& scope, int64_t in, int64_t out, int64_t kernel)
    : Conv2d(scope, ConvSpec{.in_channels = in,
                             .out_channels = out,
                             .kernel = kernel,
                             .pad_begin = (kernel - 1) / 2,
                             .pad_end = (kernel - 1) / 2}) {}

Conv2d::Conv2d(const Scope& scope, const ConvSpec& spec, Bias bias) {
  weights.spec = spec;
  weights.weight =
      scope.Get("weight", Shape{spec.out_channels, spec.in_channels, spec.kernel, spec.kernel});
  if (bias == Bias::kYes) weights.bias = scope.Get("bias", Shape{spec.out_channels});
  const std::string kind =
      absl::StrCat("conv2d ", spec.kernel, " ", spec.stride, " ", spec.pad_begin, " ", spec.pad_end,
                   spec.upsample ? " upsample" : "");
  weights.slot = PackedSlot::SharedBy({weights.weight, weights.bias}, kind);
  weights.layer = scope.prefix();
  weights.int8 = scope.Int8(spec.in_channels, spec.kernel * spec.kernel);
  if (weights.int8 != nullptr) {
    weights.int8_slot = PackedSlot::SharedBy({weights.weight, weights.bias},
                                             absl::StrCat(kind, Int8Kind(*weights.int8)));
  }
  weights.live = LiveAdaptersOf(weights);
}

Tensor Conv2d::operator()(Ops& ops, Sources sources, Epilogue epilogue) const {
  return ops.Conv2d(weights, std::move(sources), std::move(epilogue));
}

Tensor Conv2d::operator()(Ops& ops, Tensor x, Epilogue epilogue) const {
  return ops.Conv2d(weights, OneSource(std::move(x)), std::move(epilogue));
}

}  // namespace weft
