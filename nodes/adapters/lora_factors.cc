#include "nodes/adapters/lora_factors.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/base/status_macros.h"

namespace weft {
namespace {

Weight Find(const LoraFactors& factors, Factor factor) {
  const auto it = factors.find(factor);
  return it != factors.end() ? it->second : Weight();
}

bool HasAny(const LoraFactors& factors, std::initializer_list<Factor> any) {
  return std::any_of(any.begin(), any.end(), [&](Factor f) { return factors.contains(f); });
}

absl::StatusOr<double> ReadAlpha(const Weight& alpha) {
  if (alpha.shape().numel() != 1) {
    return Invalid(alpha.name(), " has shape ", alpha.shape().ToString(), ", expected one number");
  }
  WEFT_ASSIGN_OR_RETURN(const Tensor value, alpha.Read());
  WEFT_ASSIGN_OR_RETURN(const Tensor wide, value.To(DType::kF32, Allocator(Device::kCpu)));
  return wide.data<float>()[0];
}

absl::Status CheckPairs(const LoraFactors& factors) {
  static constexpr struct {
    Factor a, b;
    absl::string_view names;
  } kPairs[] = {{Factor::kDown, Factor::kUp, "lora_down and lora_up (lora_A and lora_B)"},
                {Factor::kHadaW1A, Factor::kHadaW1B, "hada_w1_a and hada_w1_b"},
                {Factor::kHadaW2A, Factor::kHadaW2B, "hada_w2_a and hada_w2_b"},
                {Factor::kHadaW1A, Factor::kHadaW2A, "hada_w1_a and hada_w2_a"},
                {Factor::kHadaT1, Factor::kHadaT2, "hada_t1 and hada_t2"},
                {Factor::kLokrW1A, Factor::kLokrW1B, "lokr_w1_a and lokr_w1_b"},
                {Factor::kLokrW2A, Factor::kLokrW2B, "lokr_w2_a and lokr_w2_b"}};
  for (const auto& pair : kPairs) {
    if (factors.contains(pair.a) != factors.contains(pair.b)) {
      return Invalid("has one of ", pair.names, " without the other");
    }
  }
  return absl::OkStatus();
}

// LyCORIS stores the left factor of Tucker's decomposition with the rank first.
AdapterMatrix MatrixOf(Weight whole, Weight up, Weight down, Weight core) {
  AdapterMatrix matrix;
  if (!whole.empty()) {
    matrix.whole = std::move(whole);
    return matrix;
  }
  matrix.up_is_transposed = !core.empty();
  matrix.up = std::move(up);
  matrix.down = std::move(down);
  matrix.core = std::move(core);
  return matrix;
}

}  // namespace

absl::StatusOr<LoraAdapters> AdaptersOf(const LoraFactors& factors, const LoraConfig& config,
                                        absl::string_view module) {
  WEFT_RETURN_IF_ERROR(CheckPairs(factors));
  WeightAdapter adapter;
  if (factors.contains(Factor::kDown)) {
    adapter.first = MatrixOf({}, Find(factors, Factor::kUp), Find(factors, Factor::kDown), {});
    adapter.first.core = Find(factors, Factor::kMid);
  } else if (factors.contains(Factor::kHadaW1A)) {
    adapter.kind = WeightAdapter::Kind::kHadamard;
    adapter.first = MatrixOf({}, Find(factors, Factor::kHadaW1A), Find(factors, Factor::kHadaW1B),
                             Find(factors, Factor::kHadaT1));
    adapter.second = MatrixOf({}, Find(factors, Factor::kHadaW2A), Find(factors, Factor::kHadaW2B),
                              Find(factors, Factor::kHadaT2));
  } else if (HasAny(factors,
                    {Factor::kLokrW1, Factor::kLokrW1A, Factor::kLokrW2, Factor::kLokrW2A})) {
    adapter.kind = WeightAdapter::Kind::kKronecker;
    adapter.first = MatrixOf(Find(factors, Factor::kLokrW1), Find(factors, Factor::kLokrW1A),
                             Find(factors, Factor::kLokrW1B), {});
    adapter.second = MatrixOf(Find(factors, Factor::kLokrW2), Find(factors, Factor::kLokrW2A),
                              Find(factors, Factor::kLokrW2B), Find(factors, Factor::kLokrT2));
  } else if (factors.contains(Factor::kDiff)) {
    adapter.first = MatrixOf(Find(factors, Factor::kDiff), {}, {}, {});
  } else if (!factors.contains(Factor::kBiasDiff)) {
    return Invalid("has no factors that make a change");
  }

  const bool is_product = adapter.first.is_product() || adapter.second.is_product();
  const int64_t rank = std::max(adapter.first.rank(), adapter.second.rank());
  const bool plain = adapter.kind == WeightAdapter::Kind::kSum && !is_product;
  if (is_product && rank < 1) return Invalid("has factors of rank 0");
  if (const Weight alpha = Find(factors, Factor::kAlpha); !alpha.empty() && is_product) {
    // LyCORIS writes an alpha beside whole factors too, and does not scale by it.
    WEFT_ASSIGN_OR_RETURN(const double value, ReadAlpha(alpha));
    adapter.scale = value / static_cast<double>(rank);
  } else if (alpha.empty() && config.has_alpha() && !plain) {
    adapter.scale =
        config.ScaleOf(module, adapter.kind == WeightAdapter::Kind::kKronecker ? 0 : rank);
  }
  if (const Weight lengths = Find(factors, Factor::kRowLengths); !lengths.empty()) {
    adapter.magnitude = lengths;
  } else if (const Weight scale = Find(factors, Factor::kMagnitude); !scale.empty()) {
    adapter.magnitude = scale;
    const Shape& shape = scale.shape();
    adapter.magnitude_of_inputs = shape.rank() > 1 && shape.dim(0) == 1 && shape.dim(1) > 1;
  }

  LoraAdapters made;
  const double scale = adapter.scale;
  if (!adapter.first.empty()) made.weight = std::make_shared<const WeightAdapter>(adapter);
  if (HasAny(factors, {Factor::kBiasDiff, Factor::kUpBias})) {
    const bool scaled = factors.contains(Factor::kUpBias);
    WeightAdapter bias;
    bias.first.whole = Find(factors, scaled ? Factor::kUpBias : Factor::kBiasDiff);
    bias.scale = scaled ? scale : 1.0;
    made.bias = std::make_shared<const WeightAdapter>(std::move(bias));
  }
  return made;
}

}  // namespace weft
