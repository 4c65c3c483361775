#include "nodes/layers/linear.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/ops/live_adapters.h"
#include "runtime/weights/int8_table.h"

namespace weft {

Linear::Linear(const Scope& scope, int64_t in, int64_t out, Bias bias) {
  Bind(scope, in, out, bias);
  Finish();
}

Linear Linear::Merged(std::initializer_list<Scope> scopes, int64_t in, int64_t out, Bias bias) {
  Linear merged;
  for (const Scope& scope : scopes) merged.Bind(scope, in, out, bias);
  merged.Finish();
  return merged;
}

Linear Linear::Gated(const Scope& scope, int64_t in, int64_t out) {
  Linear gated(scope, in, 2 * out);
  gated.weights.gated = true;
  gated.Finish();
  return gated;
}

Tensor Linear::operator()(Ops& ops, Tensor x, Epilogue epilogue) const {
  epilogue.gated = weights.gated;
  return ops.Linear(weights, std::move(x), std::move(epilogue));
}

void Linear::Bind(const Scope& scope, int64_t in, int64_t out, Bias bias) {
  const bool pointwise = scope.ShapeOf("weight").rank() == 4;
  if (weights.layer.empty()) {
    weights.layer = scope.prefix();
    weights.int8 = scope.Int8(in);
  }
  weights.in = in;
  weights.out += out;
  weights.weights.push_back(scope.Get("weight", pointwise ? Shape{out, in, 1, 1} : Shape{out, in}));
  if (bias == Bias::kYes) weights.biases.push_back(scope.Get("bias", Shape{out}));
}

void Linear::Finish() {
  std::vector<Weight> all(weights.weights.begin(), weights.weights.end());
  all.insert(all.end(), weights.biases.begin(), weights.biases.end());
  const std::string kind = weights.gated ? "gated linear" : "linear";
  weights.slot = PackedSlot::SharedBy(all, kind);
  if (weights.int8 != nullptr) {
    weights.int8_slot = PackedSlot::SharedBy(all, absl::StrCat(kind, Int8Kind(*weights.int8)));
  }
  weights.live = LiveAdaptersOf(weights);
}

}  // namespace weft
