#include "nodes/sampling/noise_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "nodes/sampling/beta_quantile.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// `count` values from `start` to `end` in f32: from either end towards the middle, as torch does.
std::vector<float> Line(double start, double end, int64_t count) {
  const float first = static_cast<float>(start);
  const float last = static_cast<float>(end);
  const double step = count > 1 ? (last - first) / static_cast<float>(count - 1) : 0.0f;
  std::vector<float> line(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const double value = i < count / 2 ? first + step * static_cast<double>(i)
                                       : last - step * static_cast<double>(count - 1 - i);
    line[static_cast<size_t>(i)] = static_cast<float>(value);
  }
  return line;
}

// ā as a function of the time in 0..1 (squaredcos_cap_v2: Nichol and Dhariwal 2021,
// arXiv 2102.09672, eq. 17).
double AlphaBar(absl::string_view kind, double time) {
  if (kind == "exp") return std::exp(-12.0 * time);
  if (kind == "laplace") {
    const double side = std::copysign(1.0, 0.5 - time);
    const double lambda = -0.5 * side * std::log(1.0 - 2.0 * std::abs(0.5 - time) + 1e-6);
    const double snr = std::exp(lambda);
    return std::sqrt(snr / (1.0 + snr));
  }
  const double root = std::cos((time + 0.008) / 1.008 * std::numbers::pi / 2.0);
  return root * root;
}

std::vector<float> Betas(const SchedulerOptions& options) {
  const int64_t count = options.num_train_timesteps;
  const absl::string_view kind = options.beta_schedule;
  if (!options.trained_betas.empty()) {
    return {options.trained_betas.begin(), options.trained_betas.end()};
  }
  if (kind == "linear") return Line(options.beta_start, options.beta_end, count);
  std::vector<float> betas;
  if (kind == "scaled_linear") {
    betas = Line(std::sqrt(options.beta_start), std::sqrt(options.beta_end), count);
    for (float& beta : betas) beta *= beta;
  } else if (kind == "sigmoid") {
    betas = Line(-6.0, 6.0, count);
    const float range = static_cast<float>(options.beta_end - options.beta_start);
    for (float& beta : betas) {
      beta = 1.0f / (1.0f + std::exp(-beta)) * range + static_cast<float>(options.beta_start);
    }
  } else {
    for (int64_t i = 0; i < count; ++i) {
      const double from = AlphaBar(kind, static_cast<double>(i) / static_cast<double>(count));
      const double to = AlphaBar(kind, static_cast<double>(i + 1) / static_cast<double>(count));
      betas.push_back(static_cast<float>(std::min(1.0 - to / from, 0.999)));
    }
  }
  return betas;
}

// ln x as NumPy computes it in f32, to the last bit: solvers cut timesteps that come from it off to
// whole numbers, so that its rounding decides between 998 and 999. x = 2^k m with m in
// [√½, √2), and ln m by a rational minimax approximation in m - 1.
float LogAsNumPy(float x) {
  constexpr float kAbove[] = {0.0f,          0.99999999f,    2.112677543f,
                              1.4800006335f, 0.38088377413f, 0.025899791179f};
  constexpr float kBelow[] = {1.0f,           2.612677543f,   2.4530060717f,
                              0.98649429585f, 0.15464763749f, 0.0058750954031f};
  int exponent = 0;
  float m = std::frexp(x, &exponent);
  if (m < std::numbers::sqrt2_v<float> / 2.0f) {
    m *= 2.0f;
    --exponent;
  }
  float above = kAbove[5];
  float below = kBelow[5];
  for (int i = 4; i >= 0; --i) {
    above = std::fma(above, m - 1.0f, kAbove[i]);
    below = std::fma(below, m - 1.0f, kBelow[i]);
  }
  return std::fma(static_cast<float>(exponent), std::numbers::ln2_v<float>, above / below);
}

// ā for each step; the product is kept in double and read out in f32.
std::vector<float> CumulativeAlphas(const std::vector<float>& betas) {
  std::vector<float> alphas;
  double product = 1.0;
  for (float beta : betas) {
    product *= static_cast<double>(1.0f - beta);
    alphas.push_back(static_cast<float>(product));
  }
  return alphas;
}

// Shifts and stretches √ā so that its last value is zero and its first stays (Lin et al. 2023,
// arXiv 2305.08891, algorithm 1).
std::vector<float> RescaledToZeroSnr(const std::vector<float>& betas) {
  std::vector<float> roots = CumulativeAlphas(betas);
  for (float& root : roots) root = std::sqrt(root);
  const float first = roots.front();
  const float last = roots.back();
  const float stretch = first / (first - last);
  for (float& root : roots) root = (root - last) * stretch;
  std::vector<float> rescaled;
  float before = 1.0f;
  for (float root : roots) {
    const float alpha = root * root;
    rescaled.push_back(1.0f - alpha / before);
    before = alpha;
  }
  return rescaled;
}

}  // namespace

absl::StatusOr<NoiseSchedule> NoiseSchedule::Make(const SchedulerOptions& options,
                                                  bool keep_signal) {
  std::vector<float> betas = Betas(options);
  if (static_cast<int64_t>(betas.size()) < options.num_train_timesteps) {
    return Invalid("\"trained_betas\" has ", betas.size(),
                   " values, but \"num_train_timesteps\" is ", options.num_train_timesteps);
  }
  for (size_t i = 0; i < betas.size(); ++i) {
    if (!(betas[i] > 0.0f && betas[i] < 1.0f)) {
      return Invalid("the variance of training step ", i, " comes out as ", betas[i],
                     "; it must lie between 0 and 1 (see \"beta_start\" and \"beta_end\")");
    }
  }
  if (options.rescale_betas_zero_snr) betas = RescaledToZeroSnr(betas);
  NoiseSchedule schedule;
  schedule.alphas_ = CumulativeAlphas(betas);
  if (options.rescale_betas_zero_snr && keep_signal) schedule.alphas_.back() = 0x1p-24f;
  for (size_t i = 0; i < betas.size(); ++i) {
    const float alpha = schedule.alphas_[i] > 0.0f ? schedule.alphas_[i] : 0x1p-24f;
    const float sigma = std::sqrt((1.0f - alpha) / alpha);
    if (!(sigma > 0.0f)) {
      return Invalid("the noise of training step ", i, " is too small to tell from none");
    }
    schedule.sigmas_.push_back(sigma);
    schedule.log_sigmas_.push_back(LogAsNumPy(sigma));
  }
  return schedule;
}

double NoiseSchedule::SigmaAt(double timestep) const {
  if (timestep <= 0.0) return sigmas_.front();
  const auto below = static_cast<size_t>(timestep);
  if (below + 1 >= sigmas_.size()) return sigmas_.back();
  const double low = sigmas_[below];
  const double high = sigmas_[below + 1];
  return low + (high - low) * (timestep - static_cast<double>(below));
}

double NoiseSchedule::TimestepOf(double sigma) const {
  const double log_sigma = std::log(std::max(sigma, 1e-10));
  // The last training step that is no noisier.
  const auto above = std::upper_bound(log_sigmas_.begin(), log_sigmas_.end(), log_sigma);
  const size_t low =
      std::min(static_cast<size_t>(std::max<std::ptrdiff_t>(above - log_sigmas_.begin(), 1) - 1),
               log_sigmas_.size() - 2);
  const double from = log_sigmas_[low];
  const double to = log_sigmas_[low + 1];
  const double share = std::clamp((from - log_sigma) / (from - to), 0.0, 1.0);
  return (1.0 - share) * static_cast<double>(low) + share * static_cast<double>(low + 1);
}

int64_t NoiseSchedule::NearestStep(double sigma) const {
  const float log_sigma = static_cast<float>(std::log(std::max(sigma, 1e-10)));
  const auto above = std::lower_bound(log_sigmas_.begin(), log_sigmas_.end(), log_sigma);
  if (above == log_sigmas_.begin()) return 0;
  const int64_t low = above - log_sigmas_.begin() - 1;
  if (above == log_sigmas_.end()) return low;
  return log_sigma - *(above - 1) <= *above - log_sigma ? low : low + 1;
}

double NoiseSchedule::LogLinearSigmaAt(double timestep) const {
  const double at = std::clamp(timestep, 0.0, static_cast<double>(size() - 1));
  const auto low = static_cast<size_t>(at);
  const size_t high = std::min(low + 1, log_sigmas_.size() - 1);
  const double share = at - static_cast<double>(low);
  return std::exp((1.0 - share) * log_sigmas_[low] + share * log_sigmas_[high]);
}

int64_t NoiseSchedule::StepsBelow(double lambda) const {
  return std::count_if(alphas_.begin(), alphas_.end(), [lambda](float alpha) {
    return std::log(std::sqrt(alpha)) - std::log(std::sqrt(1.0f - alpha)) <
           static_cast<float>(lambda);
  });
}

std::vector<double> SpacedTimesteps(const Spacing& spacing) {
  const int64_t points = spacing.count + (spacing.ends_below ? 1 : 0);
  std::vector<double> timesteps;
  for (int64_t i = 0; i < spacing.count; ++i) {
    const auto from_below = static_cast<double>(points - 1 - i);
    if (spacing.kind == "trailing") {
      // Rounded as NumPy's arange does, which decides where a timestep falls on a half. Its one
      // timestep too many for some counts (61 of 1000), -1, is left out.
      const auto top = static_cast<double>(spacing.last);
      const double stride = static_cast<double>(spacing.train) / static_cast<double>(spacing.count);
      const double at = top + (top - stride - top) * static_cast<double>(i);
      if (at <= 1e-6) break;
      timesteps.push_back(std::nearbyint(at) - 1.0);
    } else if (spacing.kind == "leading") {
      const int64_t stride = (spacing.ends_below ? spacing.last : spacing.train) / points;
      timesteps.push_back(static_cast<double>(stride) * from_below +
                          static_cast<double>(spacing.offset));
    } else {
      const auto end = static_cast<double>(spacing.last - 1);
      const double at = points == 1 ? 0.0
                        : i == 0    ? end
                                    : end / static_cast<double>(points - 1) * from_below;
      timesteps.push_back(spacing.whole ? std::nearbyint(at) : at);
    }
  }
  return timesteps;
}

std::vector<double> KarrasSigmas(double max, double min, int64_t count, double rho) {
  const double from = std::pow(max, 1.0 / rho);
  const double to = std::pow(min, 1.0 / rho);
  std::vector<double> sigmas;
  for (int64_t i = 0; i < count; ++i) {
    const double ramp = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0.0;
    sigmas.push_back(std::pow(from + ramp * (to - from), rho));
  }
  return sigmas;
}

std::vector<double> ExponentialSigmas(double max, double min, int64_t count) {
  std::vector<double> sigmas;
  for (int64_t i = 0; i < count; ++i) {
    const double ramp = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0.0;
    sigmas.push_back(std::exp(std::log(max) + ramp * (std::log(min) - std::log(max))));
  }
  return sigmas;
}

std::vector<double> BetaSigmas(double max, double min, int64_t count) {
  constexpr double kShape = 0.6;  // both of the distribution's shape parameters
  std::vector<double> sigmas;
  for (int64_t i = 0; i < count; ++i) {
    const double ramp = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0.0;
    sigmas.push_back(min + BetaQuantile(1.0 - ramp, kShape, kShape) * (max - min));
  }
  return sigmas;
}

bool Respaces(const SchedulerOptions& options) {
  return options.use_karras_sigmas || options.use_exponential_sigmas || options.use_beta_sigmas;
}

std::vector<double> RespacedSigmas(const SchedulerOptions& options, double max, double min,
                                   int64_t count) {
  const double from = options.sigma_max.value_or(max);
  const double to = options.sigma_min.value_or(min);
  if (options.use_karras_sigmas) return KarrasSigmas(from, to, count);
  if (options.use_exponential_sigmas) return ExponentialSigmas(from, to, count);
  return BetaSigmas(from, to, count);
}

double ShiftedFlow(double sigma, double shift) {
  return shift * sigma / (1.0 + (shift - 1.0) * sigma);
}

absl::Status CheckSigmaOptions(const SchedulerOptions& options) {
  const int asked = int{options.use_karras_sigmas} + int{options.use_exponential_sigmas} +
                    int{options.use_beta_sigmas} + int{options.use_lu_lambdas} +
                    int{options.use_flow_sigmas};
  if (asked > 1) {
    return Invalid(
        "only one of \"use_karras_sigmas\", \"use_exponential_sigmas\", "
        "\"use_beta_sigmas\", \"use_lu_lambdas\" and \"use_flow_sigmas\" may be true");
  }
  if (options.sigma_min.has_value() && !(*options.sigma_min > 0.0)) {
    return Invalid("\"sigma_min\" must be above 0");
  }
  if (options.sigma_max.has_value() && options.sigma_max <= options.sigma_min.value_or(0.0)) {
    return Invalid("\"sigma_max\" is ", *options.sigma_max, "; it must be above \"sigma_min\", ",
                   options.sigma_min.value_or(0.0));
  }
  return absl::OkStatus();
}

}  // namespace weft
