// Denoising diffusion implicit models (Song et al. 2020, arXiv 2010.02502, eq. 12):
// x' = √ā' clean + √(1 - ā' - s²) noise + s fresh, s = eta √((1 - ā')/(1 - ā) (1 - ā/ā')).

#include <algorithm>
#include <cmath>

#include "nodes/sampling/alpha_scheduler.h"
#include "nodes/sampling/scheduler_node.h"

namespace weft {
namespace {

class DDIMScheduler : public AlphaScheduler {
 public:
  using AlphaScheduler::AlphaScheduler;

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const auto t = static_cast<int64_t>(in.schedule.timestep(in.index));
    const int64_t stride = num_train_timesteps() / in.schedule.num_inference_steps;
    const double from = alpha(t);
    const double to = AlphaOrFinal(t - stride);
    const Mix mix = MixAt(t);
    const Tensor clean = Clean(math, in.output, in.latent, mix);
    // Worked out again from a clipped prediction only where that is asked for.
    const Tensor noise = options().use_clipped_model_output
                             ? NoiseOf(math, Prediction::kSample, clean, in.latent, mix)
                             : NoiseOf(math, prediction(), in.output, in.latent, mix);
    const double variance = std::max((1.0 - to) / (1.0 - from) * (1.0 - from / to), 0.0);
    const double fresh = options().eta * std::sqrt(variance);
    const double kept = std::sqrt(std::max(1.0 - to - fresh * fresh, 0.0));
    Tensor latent = math.Sum({{std::sqrt(to), clean}, {kept, noise}});
    if (options().eta > 0.0) latent = math.Sum({{1.0, latent}, {fresh, DrawNoise(math, in)}});
    SchedulerState state = in.state;
    ++state.calls;
    return {std::move(latent), clean, std::move(state)};
  }
};

SchedulerOptions Defaults() {
  SchedulerOptions defaults;
  defaults.timestep_spacing = "leading";
  return defaults;
}

}  // namespace

NodeType DDIMSchedulerNode() {
  return SchedulerNode(
      {.type = "DDIMScheduler",
       .doc = "DDIM: x' = sqrt(a') clean + sqrt(1 - a' - s^2) noise + s fresh noise.",
       .defaults = Defaults(),
       .options = {"num_train_timesteps", "beta_start", "beta_end", "beta_schedule",
                   "trained_betas", "clip_sample", "set_alpha_to_one", "steps_offset",
                   "prediction_type", "thresholding", "dynamic_thresholding_ratio",
                   "clip_sample_range", "sample_max_value", "timestep_spacing",
                   "rescale_betas_zero_snr", "eta", "use_clipped_model_output"},
       .make = MakeAlphaScheduler<DDIMScheduler>});
}

}  // namespace weft
