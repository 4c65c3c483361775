#include "nodes/sampling/churn.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace weft {
namespace {

double Gamma(const Schedule& schedule, double sigma, const SchedulerOptions& options) {
  const double most = options.s_tmax.value_or(std::numeric_limits<double>::infinity());
  if (sigma < options.s_tmin || sigma > most) return 0.0;
  const auto levels = static_cast<double>(schedule.sigmas.size() - 1);
  return std::min(options.s_churn / levels, std::numbers::sqrt2 - 1.0);
}

}  // namespace

ChurnedLatent Churned(LatentMath& math, const StepInput& in, const SchedulerOptions& options) {
  const double sigma = in.schedule.sigma(in.index);
  const double gamma = Gamma(in.schedule, sigma, options);
  if (!(gamma > 0.0)) return {in.latent, sigma};
  const double raised = sigma * (gamma + 1.0);
  const double added = options.s_noise * std::sqrt(raised * raised - sigma * sigma);
  return {math.Sum({{1.0, in.latent}, {added, DrawNoise(math, in)}}), raised};
}

}  // namespace weft
