#include "nodes/sampling/sa_solver.h"

#include <cmath>

namespace weft {
namespace {

// ∫ e^{-rate (end - x)} (x - end)^p dx from end - h to end, for p = 0, 1, 2, 3, by parts:
// I_p = ((-1)^{p+1} h^p e^{-rate h} - p I_{p-1}) / rate, I_0 = (1 - e^{-rate h}) / rate. Moments
// about the end of the step stay small where those about lambda = 0 would cancel.
std::vector<double> Moments(double rate, double h, size_t count) {
  std::vector<double> moments;
  double power = 1.0;  // (-h)^p
  for (size_t p = 0; p < count; ++p) {
    if (p == 0) {
      moments.push_back(-std::expm1(-rate * h) / rate);
    } else {
      power *= -h;
      moments.push_back((-power * std::exp(-rate * h) - static_cast<double>(p) * moments.back()) /
                        rate);
    }
  }
  return moments;
}

// The Lagrange polynomial in x - end that is one at nodes[k] and zero at the others.
std::vector<double> Lagrange(const std::vector<double>& nodes, size_t k, double end) {
  std::vector<double> polynomial = {1.0};
  for (size_t j = 0; j < nodes.size(); ++j) {
    if (j == k) continue;
    const double scale = 1.0 / (nodes[k] - nodes[j]);
    polynomial.push_back(0.0);
    for (size_t p = polynomial.size(); p-- > 0;) {
      polynomial[p] =
          scale * ((p > 0 ? polynomial[p - 1] : 0.0) - (nodes[j] - end) * polynomial[p]);
    }
  }
  return polynomial;
}

}  // namespace

SaStep SaStepOf(const SaPoint& from, const SaPoint& to, const std::vector<double>& nodes,
                bool corrects, bool clean, double tau) {
  const double h = to.lambda - from.lambda;
  const double rate = 1.0 + tau * tau;
  SaStep step;
  // The weight of m_k is scale ∫ e^{-decay (end - x)} L_k(x) dx; for noises the exponential grows
  // towards the start.
  const double decay = clean ? rate : -1.0;
  const double scale = clean ? rate * to.mix.alpha : -rate * to.mix.sigma;
  const std::vector<double> moments = Moments(decay, h, nodes.size());
  for (size_t k = 0; k < nodes.size(); ++k) {
    const std::vector<double> polynomial = Lagrange(nodes, k, to.lambda);
    double sum = 0.0;
    for (size_t p = 0; p < polynomial.size(); ++p) sum += polynomial[p] * moments[p];
    step.outputs.push_back(scale * sum);
  }
  if (clean && nodes.size() == 2 && h > 0.0) {
    // A term of third order in h that helps runs of few steps, as in the authors' code.
    const double bent = (h * rate + std::expm1(-rate * h)) / (rate * rate);
    const double extra =
        corrects ? h / 2.0 - bent / h : (h * h / 2.0 - bent) / (nodes[0] - nodes[1]);
    step.outputs[0] += scale * extra;
    step.outputs[1] -= scale * extra;
  }
  if (clean) {
    step.latent = std::exp(-tau * tau * h) * to.mix.sigma / from.mix.sigma;
    step.noise = to.mix.sigma * std::sqrt(-std::expm1(-2.0 * tau * tau * h));
  } else {
    step.latent = to.mix.alpha / from.mix.alpha;
    step.noise = tau * to.mix.sigma * std::sqrt(std::expm1(2.0 * h));
  }
  return step;
}

}  // namespace weft
