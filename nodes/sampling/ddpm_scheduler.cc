// Denoising diffusion probabilistic models (Ho et al. 2020, arXiv 2006.11239, eq. 7):
// x' = √ā' β/(1-ā) clean + √α (1-ā')/(1-ā) x + √variance·noise, with α = ā/ā', β = 1-α and
// variance = (1-ā')/(1-ā) β (fixed_small) or β (fixed_large); learned_range takes a point between
// the logarithms of the two (Nichol and Dhariwal 2021, arXiv 2102.09672, eq. 15).

#include <algorithm>
#include <cmath>

#include "absl/strings/match.h"
#include "nodes/sampling/alpha_scheduler.h"
#include "nodes/sampling/scheduler_node.h"

namespace weft {
namespace {

class DDPMScheduler : public AlphaScheduler {
 public:
  using AlphaScheduler::AlphaScheduler;

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const auto t = static_cast<int64_t>(in.schedule.timestep(in.index));
    const bool last = in.index + 1 == in.schedule.size();
    const double from = alpha(t);
    const double to = last ? 1.0 : alpha(static_cast<int64_t>(in.schedule.timestep(in.index + 1)));
    const double beta = 1.0 - from / to;
    const Output output = Split(math, in);
    const Tensor clean = Clean(math, output.mean, in.latent, MixAt(t));
    const double of_clean = std::sqrt(to) * beta / (1.0 - from);
    const double of_latent = std::sqrt(from / to) * (1.0 - to) / (1.0 - from);
    Tensor latent = math.Sum({{of_clean, clean}, {of_latent, in.latent}});
    if (t > 0) {
      const double small = std::max((1.0 - to) / (1.0 - from) * beta, 1e-20);
      const Tensor fresh = Scaled(math, DrawNoise(math, in), output.variance, small, beta);
      latent = math.Sum({{1.0, latent}, {1.0, fresh}});
    }
    SchedulerState state = in.state;
    ++state.calls;
    return {std::move(latent), clean, std::move(state)};
  }

 private:
  struct Output {
    Tensor mean;
    Tensor variance;  // empty unless the model predicts it
  };
  Output Split(LatentMath& math, const StepInput& in) const {
    const int64_t channels = in.latent.dim(1);
    const bool learned = absl::StartsWith(options().variance_type, "learned");
    if (learned != (in.output.dim(1) == 2 * channels)) {
      math.Fail(absl::InvalidArgumentError(absl::StrCat(
          "variance_type is ", options().variance_type, ", but the model's output has ",
          in.output.dim(1), " channels for a latent of ", channels)));
      return {};
    }
    if (!learned) return {in.output, Tensor()};
    return {math.Channels(in.output, 0, channels),
            math.Channels(in.output, channels, 2 * channels)};
  }
  // The noise times the root of its variance. The kinds with _log say the same as those without.
  Tensor Scaled(LatentMath& math, const Tensor& noise, const Tensor& variance, double small,
                double large) const {
    if (options().variance_type == "learned") return math.ScaleByVariance(noise, variance);
    if (options().variance_type == "learned_range") {
      return math.ScaleByLogVariance(noise, variance, std::log(small), std::log(large));
    }
    const bool wide = absl::StartsWith(options().variance_type, "fixed_large");
    return math.Sum({{std::sqrt(wide ? large : small), noise}});
  }
};

SchedulerOptions Defaults() {
  SchedulerOptions defaults;
  defaults.variance_type = "fixed_small";
  defaults.timestep_spacing = "leading";
  return defaults;
}

}  // namespace

NodeType DDPMSchedulerNode() {
  return SchedulerNode(
      {.type = "DDPMScheduler",
       .doc = "DDPM: the mean of clean and x at the lower noise level, and fresh noise.",
       .defaults = Defaults(),
       .options = {"num_train_timesteps", "beta_start", "beta_end", "beta_schedule",
                   "trained_betas", "variance_type", "clip_sample", "prediction_type",
                   "thresholding", "dynamic_thresholding_ratio", "clip_sample_range",
                   "sample_max_value", "timestep_spacing", "steps_offset",
                   "rescale_betas_zero_snr"},
       .make = MakeAlphaScheduler<DDPMScheduler>});
}

}  // namespace weft
