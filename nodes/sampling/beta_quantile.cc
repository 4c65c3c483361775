#include "nodes/sampling/beta_quantile.h"

#include <cmath>

namespace weft {
namespace {

// The continued fraction of DLMF 8.17.22 by the modified Lentz method; quick for
// x < (a + 1) / (a + b + 2).
double ContinuedFraction(double x, double a, double b) {
  constexpr double kTiny = 1e-300;
  const auto away_from_zero = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double fraction = 1.0;
  double numerator = 1.0;
  double denominator = 0.0;
  for (int i = 0; i < 500; ++i) {
    const double m = i / 2;
    double term = 1.0;
    if (i % 2 == 0 && i > 0) {
      term = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
    } else if (i % 2 == 1) {
      term = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
    }
    denominator = 1.0 / away_from_zero(1.0 + term * denominator);
    numerator = away_from_zero(1.0 + term / numerator);
    const double change = numerator * denominator;
    fraction *= change;
    if (i > 0 && std::abs(change - 1.0) < 1e-16) break;
  }
  return fraction - 1.0;
}

// I_x(a, b) where the fraction is quick.
double LowerTail(double x, double a, double b) {
  const double log_beta = std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b);
  const double front = std::exp(a * std::log(x) + b * std::log1p(-x) - log_beta) / a;
  return front * ContinuedFraction(x, a, b);
}

// The quantile where it lies in 0..0.5, by halving: near zero floating point is finest.
double LowerQuantile(double probability, double a, double b) {
  double low = 0.0;
  double high = 0.5;
  while (high - low > 1e-16 * high) {
    const double middle = 0.5 * (low + high);
    if (middle == low || middle == high) break;
    (RegularizedBeta(middle, a, b) < probability ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace

double RegularizedBeta(double x, double a, double b) {
  if (x <= 0.0) return 0.0;
  if (x >= 1.0) return 1.0;
  return x > (a + 1.0) / (a + b + 2.0) ? 1.0 - LowerTail(1.0 - x, b, a) : LowerTail(x, a, b);
}

double BetaQuantile(double probability, double a, double b) {
  if (probability <= 0.0) return 0.0;
  if (probability >= 1.0) return 1.0;
  return probability > RegularizedBeta(0.5, a, b) ? 1.0 - LowerQuantile(1.0 - probability, b, a)
                                                  : LowerQuantile(probability, a, b);
}

}  // namespace weft
