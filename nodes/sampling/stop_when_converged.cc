// Whether the picture that a step predicts would still change in the steps that are left:
//   going = rms(original - before) / rms(original) · steps left > threshold
// and once it would not, that picture in place of the latent, which is noisy still.

#include "nodes/latent/latent.h"
#include "nodes/sampling/relative_change.h"
#include "nodes/sampling/step.h"
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
constexpr In<Step> kStep{.name = "step", .doc = "The step that has been taken."};
constexpr In<double> kThreshold{.name = "threshold",
                                .doc =
                                    "How much the picture may still change, as a share of itself, "
                                    "if all steps that are left change it as much as this one did; "
                                    "0: the loop never ends early.",
                                .fallback = 0.0,
                                .min = 0,
                                .max = 100};
constexpr Out<Latent> kNext{.name = "latent", .doc = "As it came in, or the clean one at the end."};
constexpr Out<bool> kGoing{.name = "going", .doc = "For a loop's `while`."};

absl::Status Run(NodeContext& ctx) {
  const Tensor original = ctx.Get(kOriginal);
  const double threshold = ctx.Get(kThreshold);
  const Step step = ctx.Get(kStep);
  if (threshold > 0 && step.num_inference_steps == 0) {
    return ctx.PortError(kStep, "does not say how many steps are left: take it from Timesteps");
  }
  const int64_t left = step.num_inference_steps - step.inference_step - 1;
  bool going = true;
  if (threshold > 0 && left > 0 && ctx.Has(kBefore)) {
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
      going = RelativeChange(before, original) * static_cast<double>(left) > threshold;
    }
  }
  ctx.Set(kNext, going ? ctx.Get(kLatent) : original);
  ctx.Set(kGoing, going);
  return absl::OkStatus();
}

}  // namespace

NodeType StopWhenConvergedNode() {
  return {Contract{.type = "StopWhenConverged",
                   .doc = "Whether the picture that a step predicts would still change in the "
                          "steps that are left: rms(original - before) / rms(original) · steps "
                          "left > threshold. Once it would not, the latent is that picture.",
                   .category = "sampling",
                   .inputs = {kLatent, kOriginal, kBefore, kStep, kThreshold},
                   .outputs = {kNext, kGoing}},
          Run};
}

}  // namespace weft
