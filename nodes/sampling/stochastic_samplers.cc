// Two samplers of ComfyUI that add noise at each step, on latents clean + sigma·noise.

#include <cmath>

#include "nodes/sampling/scheduler_classes.h"
#include "nodes/sampling/sigma_scheduler.h"

namespace weft {
namespace {

// DDPM's posterior (Ho et al. 2020, arXiv 2006.11239, eq. 11) between any two noise levels: with
// ā = 1 / (sigma² + 1) and α = ā/ā', x' = (x - (1-α)/√(1-ā) ε) / √α + √((1-α)(1-ā')/(1-ā)) fresh
// for latents scaled to unit variance.
class DdpmSampler : public SigmaScheduler {
 public:
  using SigmaScheduler::SigmaScheduler;

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const double sigma = in.schedule.sigma(in.index);
    const double next = in.schedule.sigma(in.index + 1);
    const Tensor clean = CleanOfUnscaled(math, prediction(), in.output, in.latent, sigma);
    const double from = 1.0 / (sigma * sigma + 1.0);
    const double to = 1.0 / (next * next + 1.0);
    const double alpha = from / to;
    const double scale =
        std::sqrt(next * next + 1.0) / std::sqrt(alpha);  // back from unit variance
    const double of_noise = -scale * (1.0 - alpha) / std::sqrt(1.0 - from);
    std::vector<LatentMath::Term> terms = {{scale * std::sqrt(from) + of_noise / sigma, in.latent},
                                           {-of_noise / sigma, clean}};
    SchedulerState state = in.state;
    ++state.calls;
    if (next > 0.0) {
      const double variance = (1.0 - alpha) * (1.0 - to) / (1.0 - from);
      const Tensor fresh = DrawNoise(math, in);
      terms.push_back({std::sqrt(variance * (next * next + 1.0)), fresh});
      return {math.Sum(terms), clean, std::move(state)};
    }
    return {math.Sum(terms), clean, std::move(state)};
  }
};

// Latent consistency without its boundary condition: x' = clean + sigma'·fresh.
class LcmSampler : public SigmaScheduler {
 public:
  using SigmaScheduler::SigmaScheduler;

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const double next = in.schedule.sigma(in.index + 1);
    const Tensor clean =
        CleanOfUnscaled(math, prediction(), in.output, in.latent, in.schedule.sigma(in.index));
    SchedulerState state = in.state;
    ++state.calls;
    if (next == 0.0) return {clean, clean, std::move(state)};
    return {math.Sum({{1.0, clean}, {next, DrawNoise(math, in)}}), clean, std::move(state)};
  }
};

}  // namespace

MadeScheduler MakeDdpmSampler(const SchedulerOptions& options) {
  return MakeSigmaScheduler<DdpmSampler>(options);
}

MadeScheduler MakeLcmSampler(const SchedulerOptions& options) {
  return MakeSigmaScheduler<LcmSampler>(options);
}

}  // namespace weft
