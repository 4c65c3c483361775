// DPM-Solver++ for the SDE, multistep of order 2 and 3 (K. Crowson's k-diffusion,
// sample_dpmpp_2m_sde with midpoint steps and sample_dpmpp_3m_sde): with h = ln(sigma / sigma') and
// k = 2h, x' = e^{-k} x + (1 - e^{-k}) clean + derivatives + sigma' √(1 - e^{-2h}) noise. The
// derivatives in ln(sigma) are differences of past clean latents; the noise is from a Brownian
// tree.

#include <cmath>

#include "nodes/sampling/brownian_noise.h"
#include "nodes/sampling/scheduler_classes.h"
#include "nodes/sampling/sigma_scheduler.h"

namespace weft {
namespace {

class DpmppMultistepSdeSampler : public SigmaScheduler {
 public:
  using SigmaScheduler::SigmaScheduler;

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const double sigma = in.schedule.sigma(in.index);
    const double next = in.schedule.sigma(in.index + 1);
    const Tensor clean = CleanOfUnscaled(math, prediction(), in.output, in.latent, sigma);
    SchedulerState state = in.state;
    ++state.calls;
    std::vector<Tensor>& past = state.history;
    past.push_back(clean);
    KeepLatest(past, options().solver_order);
    if (next == 0.0) return {clean, clean, std::move(state)};

    const double h = std::log(sigma / next);
    const double k = 2.0 * h;
    std::vector<LatentMath::Term> terms = {{std::exp(-k), in.latent}};
    const std::vector<double> weights = Weights(in, past.size(), h, k);
    for (size_t i = 0; i < weights.size(); ++i) {
      terms.push_back({weights[i], past[past.size() - 1 - i]});
    }
    const Tensor noise = BrownianNoise(math, in, options().noise_sampler_seed,
                                       static_cast<float>(sigma), static_cast<float>(next), state);
    terms.push_back({next * std::sqrt(-std::expm1(-2.0 * h)), noise});
    return {math.Sum(terms), clean, std::move(state)};
  }

 private:
  // The weights of the clean latents, newest first.
  std::vector<double> Weights(const StepInput& in, size_t outputs, double h, double k) const {
    const double whole = -std::expm1(-k);
    if (outputs == 1) return {whole};
    const double r0 = std::log(in.schedule.sigma(in.index - 1) / in.schedule.sigma(in.index)) / h;
    const double slope = 1.0 - whole / k;  // weight of the first derivative, after Taylor
    if (options().solver_order == 2) return {whole + 0.5 * whole / r0, -0.5 * whole / r0};
    if (outputs == 2) return {whole + slope / r0, -slope / r0};
    // Divided differences: d0 = (m0 - m1) / r0, d1 = (m1 - m2) / r1, first derivative
    // d0 + (d0 - d1) r0 / (r0 + r1), second (d0 - d1) / (r0 + r1).
    const double r1 =
        std::log(in.schedule.sigma(in.index - 2) / in.schedule.sigma(in.index - 1)) / h;
    const double bend = slope / k - 0.5;
    const double of_d0 = slope + (slope * r0 - bend) / (r0 + r1);
    const double of_d1 = -(slope * r0 - bend) / (r0 + r1);
    return {whole + of_d0 / r0, -of_d0 / r0 + of_d1 / r1, -of_d1 / r1};
  }
};

}  // namespace

MadeScheduler MakeDpmppMultistepSdeSampler(const SchedulerOptions& options) {
  return MakeSigmaScheduler<DpmppMultistepSdeSampler>(options);
}

}  // namespace weft
