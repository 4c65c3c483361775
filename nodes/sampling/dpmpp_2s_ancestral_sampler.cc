// DPM-Solver++(2S) with ancestral noise (K. Crowson's k-diffusion, sample_dpmpp_2s_ancestral; Lu et
// al. 2022, arXiv 2211.01095): in t = -ln(sigma), half a step to the middle of sigma and `down`,
// then the whole one with the clean latent found there, then + up·noise. Two calls a step.

#include "nodes/sampling/ancestral_step.h"
#include "nodes/sampling/scheduler_classes.h"
#include "nodes/sampling/sigma_scheduler.h"

namespace weft {
namespace {

class Dpmpp2sAncestralSampler : public SigmaScheduler {
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
                         .calls = in.state.calls + 1};
    if (next == 0.0) return {clean, clean, std::move(state)};
    const AncestralStep step = AncestralStepOf(sigma, next);
    if (!second) {
      state.sample = in.latent;
      const double ratio = LogMiddle(sigma, step.down) / sigma;
      return {math.Sum({{ratio, in.latent}, {1.0 - ratio, clean}}), clean, std::move(state)};
    }
    const double ratio = step.down / sigma;
    const Tensor noise = DrawNoise(math, in);
    return {math.Sum({{ratio, in.state.sample}, {1.0 - ratio, clean}, {step.up, noise}}), clean,
            std::move(state)};
  }

 protected:
  absl::StatusOr<Schedule> MakeSchedule(int64_t num_inference_steps) const override {
    WEFT_ASSIGN_OR_RETURN(const Schedule steps, SigmaScheduler::MakeSchedule(num_inference_steps));
    std::vector<double> middles;
    for (int64_t i = 0; i < steps.size(); ++i) {
      const double sigma = steps.sigma(i);
      middles.push_back(LogMiddle(sigma, AncestralStepOf(sigma, steps.sigma(i + 1)).down));
    }
    return WithMiddles(steps, middles);
  }
};

}  // namespace

MadeScheduler MakeDpmpp2sAncestralSampler(const SchedulerOptions& options) {
  return MakeSigmaScheduler<Dpmpp2sAncestralSampler>(options);
}

}  // namespace weft
