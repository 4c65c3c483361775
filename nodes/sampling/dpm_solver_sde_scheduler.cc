// DPM-Solver++ of second order for the SDE (K. Crowson's k-diffusion, sample_dpmpp_sde): an
// ancestral step to half way in ln(sigma), then from the start one to the end with the clean latent
// found there; each x' = (down/sigma) x + (1 - down/sigma) clean + up·noise. Two calls a step.

#include "nodes/sampling/ancestral_step.h"
#include "nodes/sampling/brownian_noise.h"
#include "nodes/sampling/scheduler_classes.h"
#include "nodes/sampling/scheduler_node.h"
#include "nodes/sampling/sigma_scheduler.h"

namespace weft {
namespace {

// -ln and its inverse, each rounded to f32: the tree's noise hangs on the last bits of a level.
float MinusLog(double sigma) { return static_cast<float>(-std::log(sigma)); }
float SigmaOf(float time) { return static_cast<float>(std::exp(-static_cast<double>(time))); }

class DPMSolverSDEScheduler : public SigmaScheduler {
 public:
  using SigmaScheduler::SigmaScheduler;

  int64_t calls_per_step() const override { return 2; }

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const bool second = !in.state.sample.empty();
    const int64_t first = second ? std::max<int64_t>(in.index - 1, 0) : in.index;
    const double sigma = in.schedule.sigma(first);
    const double next = in.schedule.sigma(first + 1);
    const double level = in.schedule.model_sigma(in.index);
    const Tensor clean = CleanOfUnscaled(math, prediction(), in.output, in.latent, level);
    SchedulerState state{.num_inference_steps = in.state.num_inference_steps,
                         .calls = in.state.calls + 1,
                         .seed = in.state.seed};
    if (next == 0.0) return {clean, clean, std::move(state)};

    const float time = MinusLog(sigma);
    const float end = MinusLog(next);
    const float from = SigmaOf(time);
    const float to = SigmaOf(second ? end : time + (end - time) * 0.5f);
    const AncestralStep step = AncestralStepOf(from, to);
    const Tensor& start = second ? in.state.sample : in.latent;
    if (!second) state.sample = in.latent;
    const Tensor noise = BrownianNoise(math, in, options().noise_sampler_seed, from, to, state);
    const double ratio = step.down / from;
    Tensor latent =
        math.Sum({{ratio, start}, {1.0 - ratio, clean}, {step.up * options().s_noise, noise}});
    return {std::move(latent), clean, std::move(state)};
  }

 protected:
  bool f32_timesteps() const override { return false; }

  absl::StatusOr<Schedule> MakeSchedule(int64_t num_inference_steps) const override {
    WEFT_ASSIGN_OR_RETURN(const Schedule steps, SigmaScheduler::MakeSchedule(num_inference_steps));
    return WithLogMiddles(steps);
  }
};

}  // namespace

MadeScheduler MakeDPMSolverSDE(const SchedulerOptions& options) {
  return MakeSigmaScheduler<DPMSolverSDEScheduler>(options);
}

NodeType DPMSolverSDESchedulerNode() {
  return SchedulerNode(
      {.type = "DPMSolverSDEScheduler",
       .doc =
           "DPM-Solver++ for the SDE, noise from a Brownian tree: two calls of the model a step.",
       .defaults = MidpointDefaults(),
       .options = {"num_train_timesteps",
                   "beta_start",
                   "beta_end",
                   "beta_schedule",
                   "trained_betas",
                   {"prediction_type", {"epsilon", "v_prediction"}},
                   "use_karras_sigmas",
                   "use_exponential_sigmas",
                   "use_beta_sigmas",
                   "noise_sampler_seed",
                   "timestep_spacing",
                   "steps_offset",
                   "s_noise"},
       .make = MakeDPMSolverSDE});
}

}  // namespace weft
