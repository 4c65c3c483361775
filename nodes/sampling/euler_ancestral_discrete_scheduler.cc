// Euler's method down to a lower noise level than wanted, and noise added up to it (`up` and `down`
// are those of ancestral_step.h): x' = x + (down - sigma) (x - clean) / sigma + up·noise (Song et
// al. 2021, arXiv 2011.13456, as in K. Crowson's k-diffusion).

#include "nodes/sampling/ancestral_step.h"
#include "nodes/sampling/scheduler_classes.h"
#include "nodes/sampling/scheduler_node.h"
#include "nodes/sampling/sigma_scheduler.h"

namespace weft {
namespace {

class EulerAncestralDiscreteScheduler : public SigmaScheduler {
 public:
  using SigmaScheduler::SigmaScheduler;

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const double sigma = in.schedule.sigma(in.index);
    const double next = in.schedule.sigma(in.index + 1);
    const AncestralStep step = AncestralStepOf(sigma, next);
    const Tensor clean = CleanOfUnscaled(math, prediction(), in.output, in.latent, sigma);
    const double ratio = (step.down - sigma) / sigma;
    const Tensor noise = DrawNoise(math, in);
    SchedulerState state = in.state;
    ++state.calls;
    return {math.Sum({{1.0 + ratio, in.latent}, {-ratio, clean}, {step.up, noise}}), clean,
            std::move(state)};
  }
};

}  // namespace

MadeScheduler MakeEulerAncestralDiscrete(const SchedulerOptions& options) {
  return MakeSigmaScheduler<EulerAncestralDiscreteScheduler>(options);
}

NodeType EulerAncestralDiscreteSchedulerNode() {
  return SchedulerNode({.type = "EulerAncestralDiscreteScheduler",
                        .doc = "Euler's method with fresh noise at each step.",
                        .options = {"num_train_timesteps", "beta_start", "beta_end",
                                    "beta_schedule", "trained_betas", "prediction_type",
                                    "timestep_spacing", "steps_offset", "rescale_betas_zero_snr"},
                        .make = MakeEulerAncestralDiscrete});
}

}  // namespace weft
