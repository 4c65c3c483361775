#ifndef WEFT_NODES_SAMPLING_BETA_QUANTILE_H_
#define WEFT_NODES_SAMPLING_BETA_QUANTILE_H_

namespace weft {

// The regularised incomplete beta function I_x(a, b), for x in 0..1 and a, b > 0.
double RegularizedBeta(double x, double a, double b);

// Its inverse in x: the value below which a beta-distributed number lies with this probability.
double BetaQuantile(double probability, double a, double b);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_BETA_QUANTILE_H_
