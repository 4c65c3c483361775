#include "nodes/sampling/solver_scheduler.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/match.h"
#include "nodes/sampling/sampler_schedule.h"

namespace weft {

Mix SolverScheduler::MixFor(double sigma) const {
  if (options_.use_flow_sigmas) return {1.0 - sigma, sigma};
  return MixOf(sigma);
}

SolverScheduler::Point SolverScheduler::At(const Schedule& schedule, int64_t index) const {
  const Mix mix = MixFor(schedule.sigma(index));
  return {mix, std::log(mix.alpha) - std::log(mix.sigma)};
}

double SolverScheduler::NoiseScale(const Step* first) const {
  if (options_.sampler.schedule.empty()) return 1.0;
  const double sigma = first != nullptr ? first->sigma : noise_.max_sigma();
  return SamplerNoiseScale(noise_, sigma) * MixFor(sigma).alpha;
}

Tensor SolverScheduler::AddNoise(LatentMath& math, const Tensor& latent, const Tensor& noise,
                                 const Step& step) const {
  const Mix mix = MixFor(step.sigma);
  return math.Sum({{mix.alpha, latent}, {mix.sigma, noise}});
}

// 1 - alpha for alphas evenly from 1 to 1/T in count + 1 points, the noisiest first and without the
// one that is clean.
std::vector<double> SolverScheduler::FlowSigmas(int64_t count) const {
  const double least = 1.0 / static_cast<double>(options_.num_train_timesteps);
  const double stride = (least - 1.0) / static_cast<double>(count);
  std::vector<double> sigmas;
  for (int64_t i = count; i > 0; --i) {
    const double alpha = i == count ? least : 1.0 + static_cast<double>(i) * stride;
    sigmas.push_back(ShiftedFlow(1.0 - alpha, options_.flow_shift));
  }
  return sigmas;
}

double SolverScheduler::FinalSigma(const std::vector<double>&) const { return noise_.min_sigma(); }

absl::StatusOr<Schedule> SolverScheduler::MakeSchedule(int64_t num_inference_steps) const {
  if (!options_.sampler.schedule.empty()) {
    return SamplerSchedule(noise_, options_.sampler, num_inference_steps);
  }
  const int64_t train = options_.num_train_timesteps;
  int64_t last = train;
  if (options_.lambda_min_clipped.has_value()) {
    last -= noise_.StepsBelow(*options_.lambda_min_clipped);
    if (last < 1) {
      return Invalid("\"lambda_min_clipped\" ", *options_.lambda_min_clipped,
                     " leaves no timestep");
    }
  }
  Schedule schedule;
  schedule.timesteps = SpacedTimesteps({.kind = options_.timestep_spacing,
                                        .train = train,
                                        .last = last,
                                        .count = num_inference_steps,
                                        .offset = options_.steps_offset,
                                        .ends_below = true});
  if (Respaces(options_)) {
    schedule.sigmas =
        RespacedSigmas(options_, noise_.max_sigma(), noise_.min_sigma(), num_inference_steps);
  } else if (options_.use_lu_lambdas) {
    schedule.sigmas = ExponentialSigmas(std::exp(noise_.max_log_sigma()),
                                        std::exp(noise_.min_log_sigma()), num_inference_steps);
  } else if (options_.use_flow_sigmas) {
    schedule.sigmas = FlowSigmas(num_inference_steps);
  } else {
    for (double timestep : schedule.timesteps) schedule.sigmas.push_back(noise_.SigmaAt(timestep));
  }
  if (Respaces(options_) || options_.use_lu_lambdas || options_.use_flow_sigmas) {
    const bool rounds = (options_.use_karras_sigmas || options_.use_lu_lambdas) && rounds_karras();
    schedule.timesteps.clear();
    for (double sigma : schedule.sigmas) {
      const double timestep =
          options_.use_flow_sigmas ? sigma * static_cast<double>(train) : noise_.TimestepOf(sigma);
      schedule.timesteps.push_back(rounds ? std::nearbyint(timestep) : std::trunc(timestep));
    }
  }
  schedule.sigmas.push_back(options_.final_sigmas_type == "sigma_min" ? FinalSigma(schedule.sigmas)
                                                                      : 0.0);
  for (double& sigma : schedule.sigmas) sigma = static_cast<float>(sigma);
  return schedule;
}

int64_t SolverScheduler::OrderOf(const StepInput& in, size_t outputs) const {
  constexpr int64_t kShort = 15;  // fewer steps than this are a short run
  const int64_t left = in.schedule.size() - in.index;
  const bool eases = options_.lower_order_final && in.schedule.size() < kShort;
  const bool euler = options_.euler_at_final || eases || options_.final_sigmas_type == "zero";
  int64_t order = std::min({options_.solver_order, static_cast<int64_t>(outputs), in.index + 1});
  if (left == 1 && euler) order = 1;
  if (left == 2 && eases) order = std::min<int64_t>(order, 2);
  return order;
}

Tensor SolverScheduler::WithoutVariance(LatentMath& math, const StepInput& in) const {
  const int64_t channels = in.latent.dim(1);
  if (in.output.dim(1) == channels) return in.output;
  if (absl::StartsWith(options_.variance_type, "learned")) {
    return math.Channels(in.output, 0, channels);
  }
  math.Fail(Invalid("the model's output has ", in.output.dim(1), " channels for a latent of ",
                    channels, "; if half of them are a variance, set variance_type to learned"));
  return Tensor();
}

Tensor SolverScheduler::Thresholded(LatentMath& math, const Tensor& clean) const {
  if (!options_.thresholding) return clean;
  return math.Threshold(clean, options_.dynamic_thresholding_ratio, options_.sample_max_value);
}

std::vector<OptionUse> SolverOptions(std::vector<OptionUse> own) {
  std::vector<OptionUse> options = {
      "num_train_timesteps",
      "beta_start",
      "beta_end",
      "beta_schedule",
      "trained_betas",
      {"prediction_type", {"epsilon", "v_prediction", "sample", "flow_prediction"}},
      "thresholding",
      "dynamic_thresholding_ratio",
      "sample_max_value",
      "lower_order_final",
      "use_karras_sigmas",
      "use_exponential_sigmas",
      "use_beta_sigmas",
      "use_flow_sigmas",
      "flow_shift"};
  options.insert(options.end(), own.begin(), own.end());
  return options;
}

}  // namespace weft
