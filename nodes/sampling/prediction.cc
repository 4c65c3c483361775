#include "nodes/sampling/prediction.h"

#include <cmath>

namespace weft {

Prediction PredictionOf(absl::string_view name) {
  if (name == "v_prediction") return Prediction::kV;
  if (name == "sample") return Prediction::kSample;
  if (name == "flow_prediction") return Prediction::kFlow;
  return Prediction::kEpsilon;
}

Mix MixOf(double sigma) {
  const double alpha = 1.0 / std::sqrt(sigma * sigma + 1.0);
  return {alpha, sigma * alpha};
}

Tensor CleanOf(LatentMath& math, Prediction kind, const Tensor& output, const Tensor& latent,
               Mix mix) {
  switch (kind) {
    case Prediction::kEpsilon:
      return math.Sum({{1.0 / mix.alpha, latent}, {-mix.sigma / mix.alpha, output}});
    case Prediction::kV:
      return math.Sum({{mix.alpha, latent}, {-mix.sigma, output}});
    case Prediction::kFlow:
      return math.Sum({{1.0, latent}, {-mix.sigma, output}});
    case Prediction::kSample:
      return output;
  }
  return output;
}

Tensor NoiseOf(LatentMath& math, Prediction kind, const Tensor& output, const Tensor& latent,
               Mix mix) {
  switch (kind) {
    case Prediction::kEpsilon:
      return output;
    case Prediction::kV:
      return math.Sum({{mix.alpha, output}, {mix.sigma, latent}});
    case Prediction::kFlow:
      return math.Sum({{mix.alpha, output}, {1.0, latent}});
    case Prediction::kSample:
      return math.Sum({{1.0 / mix.sigma, latent}, {-mix.alpha / mix.sigma, output}});
  }
  return output;
}

Tensor CleanOfUnscaled(LatentMath& math, Prediction kind, const Tensor& output,
                       const Tensor& latent, double sigma) {
  const Mix mix = MixOf(sigma);
  if (kind == Prediction::kEpsilon) return math.Sum({{1.0, latent}, {-sigma, output}});
  if (kind == Prediction::kSample) return output;
  return math.Sum({{mix.alpha * mix.alpha, latent}, {-mix.sigma, output}});
}

}  // namespace weft
