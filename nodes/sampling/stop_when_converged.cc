// Whether the picture that a step predicts still changes:
//   going = rms(original - before) > threshold · rms(original)
// and once it does not, that picture in place of the latent, which is noisy still.

#include "nodes/latent/latent.h"
#include "nodes/sampling/relative_change.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Latent> kLatent{.name = "latent", .doc = "Of the next step, from SchedulerStep."};
constexpr In<Latent> kOriginal{.name = "original", .doc = "The clean latent that it predicts."};
constexpr In<Latent> kBefore{.name = "before",
                             .doc =
                                 "What the step before predicted, by a loop's carry that begins "
                                 "empty.",
                             .optional = true};
constexpr In<double> kThreshold{.name = "threshold",
                                .doc =
                                    "The change, as a share of the picture, below which it has "
                                    "converged; 0: it never has.",
                                .fallback = 0.0,
                                .min = 0,
                                .max = 1};
constexpr Out<Latent> kNext{.name = "latent", .doc = "As it came in, or the clean one at the end."};
constexpr Out<bool> kGoing{.name = "going", .doc = "For a loop's `while`."};

absl::Status Run(NodeContext& ctx) {
  const Tensor original = ctx.Get(kOriginal);
  const double threshold = ctx.Get(kThreshold);
  bool going = true;
  if (threshold > 0 && ctx.Has(kBefore)) {
    const Tensor before = ctx.Get(kBefore);
    if (!(before.shape() == original.shape()) || before.dtype() != DType::kF32 ||
        original.dtype() != DType::kF32) {
      return ctx.PortError(kBefore, "is ", before.shape().ToString(), " ", Name(before.dtype()),
                           ", but the original is ", original.shape().ToString(), " ",
                           Name(original.dtype()));
    }
    if (ctx.dry_run()) {
      ctx.SetUnknown("going");
    } else {
      going = RelativeChange(before, original) > threshold;
    }
  }
  ctx.Set(kNext, going ? ctx.Get(kLatent) : original);
  ctx.Set(kGoing, going);
  return absl::OkStatus();
}

}  // namespace

NodeType StopWhenConvergedNode() {
  return {Contract{.type = "StopWhenConverged",
                   .doc = "Whether the picture that a step predicts still changes: "
                          "rms(original - before) > threshold · rms(original). Once it does not, "
                          "the latent is that picture.",
                   .category = "sampling",
                   .inputs = {kLatent, kOriginal, kBefore, kThreshold},
                   .outputs = {kNext, kGoing}},
          Run};
}

}  // namespace weft
