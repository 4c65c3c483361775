// Improved pseudo linear multistep (after Liu et al. 2022, arXiv 2202.09778, formulas 9 and 12) for
// models that predict v at a time in 0..1, as Dance Diffusion: with s = sin²(pi time / 2),
// a = √(1 - s²), e = s x + a v and ē the Adams-Bashforth mean of the last four e,
// x' = a' (x - s ē) / a + s' ē.

#include <algorithm>
#include <cmath>
#include <numbers>

#include "nodes/sampling/adams_bashforth.h"
#include "nodes/sampling/scheduler_classes.h"
#include "nodes/sampling/scheduler_node.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr double kLeastAlpha = 1e-8;  // there is no signal at the first step

class IPNDMScheduler : public Scheduler {
 public:
  explicit IPNDMScheduler(SchedulerOptions options) : options_(std::move(options)) {}

  int64_t num_train_timesteps() const override { return options_.num_train_timesteps; }
  Tensor AddNoise(LatentMath& math, const Tensor& latent, const Tensor& noise,
                  const Step& step) const override {
    return math.Sum({{AlphaOf(step.sigma), latent}, {step.sigma, noise}});
  }

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const double sigma = in.schedule.sigma(in.index);
    const double alpha = AlphaOf(sigma);
    const double next = in.schedule.sigma(in.index + 1);
    SchedulerState state = in.state;
    ++state.calls;
    std::vector<Tensor>& past = state.history;
    past.push_back(math.Sum({{sigma, in.latent}, {alpha, in.output}}));
    KeepLatest(past, kAdamsBashforthOrder);
    const Tensor mean = AdamsBashforthMean(math, past);
    const double ratio = AlphaOf(next) / std::max(alpha, kLeastAlpha);
    const Tensor clean = math.Sum({{alpha, in.latent}, {-sigma, in.output}});
    return {math.Sum({{ratio, in.latent}, {next - ratio * sigma, mean}}), clean, std::move(state)};
  }

 protected:
  // `sigmas` are s here: v models have no use for the noise over the signal, which is infinite at
  // the first step. Kept in f32 as in diffusers.
  absl::StatusOr<Schedule> MakeSchedule(int64_t num_inference_steps) const override {
    const std::vector<double>& given = options_.trained_betas;
    if (!given.empty() && static_cast<int64_t>(given.size()) != num_inference_steps + 1) {
      return Invalid("\"trained_betas\" has ", given.size(), " values; a run of ",
                     num_inference_steps, " steps takes ", num_inference_steps + 1);
    }
    Schedule schedule;
    for (int64_t i = 0; i <= num_inference_steps; ++i) {
      const double time = 1.0 - static_cast<double>(i) / static_cast<double>(num_inference_steps);
      const double root = std::sin(static_cast<float>(time) * std::numbers::pi / 2.0);
      const double sigma = given.empty() ? root * root : given[static_cast<size_t>(i)];
      schedule.sigmas.push_back(static_cast<float>(sigma));
      if (i == num_inference_steps) break;
      const double angle = std::atan2(schedule.sigmas.back(), AlphaOf(schedule.sigmas.back()));
      schedule.timesteps.push_back(static_cast<float>(angle / std::numbers::pi * 2.0));
    }
    return schedule;
  }

 private:
  static double AlphaOf(double sigma) {
    return static_cast<float>(std::sqrt(std::max(1.0 - sigma * sigma, 0.0)));
  }

  SchedulerOptions options_;
};

MadeScheduler Make(const SchedulerOptions& options) {
  return std::make_shared<IPNDMScheduler>(options);
}

}  // namespace

NodeType IPNDMSchedulerNode() {
  return SchedulerNode({.type = "IPNDMScheduler",
                        .doc = "Pseudo linear multistep for v models with times in 0..1 (audio); "
                               "for images see the sampler ipndm of SamplerScheduler.",
                        .options = {"num_train_timesteps", "trained_betas"},
                        .make = Make});
}

}  // namespace weft
