// What lies between two conditionings: (1 - share) · first + share · second.
#include <algorithm>
#include <utility>
#include <vector>

#include "nodes/text/conditioning.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Conditioning> kFirst{.name = "first",
                                  .doc = "Of one entry; its sizes, steps and area stay."};
constexpr In<Conditioning> kSecond{.name = "second", .doc = "Of one entry."};
constexpr In<double> kShare{
    .name = "share", .doc = "Of the second.", .fallback = 0.5, .min = 0, .max = 1};
constexpr Out<Conditioning> kConditioning{.name = "conditioning", .doc = "Their average."};

// (1 - share)·a + share·b for a, b [batch, n, …] f32; the shorter one is followed by zeros.
absl::StatusOr<Tensor> Average(const Tensor& a, const Tensor& b, double share,
                               const Allocator& allocator) {
  const Tensor& longer = a.numel() >= b.numel() ? a : b;
  WEFT_ASSIGN_OR_RETURN(Tensor mean, Tensor::Allocate(allocator, DType::kF32, longer.shape()));
  if (mean.is_meta() || a.is_meta() || b.is_meta()) return mean;
  const int64_t batch = a.dim(0);
  const int64_t row = mean.numel() / batch;
  float* to = mean.mutable_data<float>();
  std::fill_n(to, mean.numel(), 0.0f);
  const auto add = [&](const Tensor& x, double weight) {
    const int64_t values = x.numel() / batch;
    for (int64_t i = 0; i < x.numel(); ++i) {
      to[i / values * row + i % values] += static_cast<float>(weight) * x.data<float>()[i];
    }
  };
  add(a, 1.0 - share);
  add(b, share);
  return mean;
}

absl::Status Run(NodeContext& ctx) {
  std::vector<Conditioning::Entry> entries = ctx.Get(kFirst)->entries();
  const std::vector<Conditioning::Entry>& others = ctx.Get(kSecond)->entries();
  if (entries.size() != 1) {
    return ctx.PortError(kFirst, "has ", entries.size(), " entries; expected one");
  }
  if (others.size() != 1) {
    return ctx.PortError(kSecond, "has ", others.size(), " entries; expected one");
  }
  const Tensor a = entries[0].tokens, b = others[0].tokens;
  const Tensor pooled_a = entries[0].pooled, pooled_b = others[0].pooled;
  if (a.rank() != 3 || b.rank() != 3 || a.numel() == 0 || b.numel() == 0 || a.dim(0) != b.dim(0) ||
      a.dim(2) != b.dim(2) || pooled_a.empty() != pooled_b.empty() ||
      (!pooled_a.empty() && !(pooled_a.shape() == pooled_b.shape()))) {
    return ctx.PortError(kSecond, "is ", b.shape().ToString(), ", the first ", a.shape().ToString(),
                         ": they come from different text encoders");
  }
  const double share = ctx.Get(kShare);
  WEFT_ASSIGN_OR_RETURN(entries[0].tokens, Average(a, b, share, ctx.allocator()));
  if (!pooled_a.empty()) {
    WEFT_ASSIGN_OR_RETURN(entries[0].pooled, Average(pooled_a, pooled_b, share, ctx.allocator()));
  }
  ctx.Set(kConditioning, std::make_shared<const Conditioning>(std::move(entries)));
  return absl::OkStatus();
}

}  // namespace

NodeType AverageConditioningsNode() {
  return {Contract{.type = "AverageConditionings",
                   .doc = "What lies between two conditionings: (1 - share) · first + share · "
                          "second, of hidden states and pooled text; the shorter one is followed "
                          "by zeros.",
                   .category = "text",
                   .inputs = {kFirst, kSecond, kShare},
                   .outputs = {kConditioning}},
          Run};
}

}  // namespace weft
