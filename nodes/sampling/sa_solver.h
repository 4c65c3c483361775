#ifndef WEFT_NODES_SAMPLING_SA_SOLVER_H_
#define WEFT_NODES_SAMPLING_SA_SOLVER_H_

#include <vector>

#include "nodes/sampling/prediction.h"

namespace weft {

// One step of SA-Solver (Xue et al. 2023, arXiv 2309.05019, eq. 14 and 17):
// x' = latent x + Σ outputs[k] m_k + noise z, m_k being the values of the solved-for quantity.
struct SaStep {
  double latent = 1.0;
  std::vector<double> outputs;  // newest first
  double noise = 0.0;
};

// Where a step begins or ends: the mix and lambda = ln(alpha / sigma).
struct SaPoint {
  Mix mix;
  double lambda;
};

// The predictor and the corrector are one formula with other nodes: the lambdas at which the m_k
// were found, newest first; the corrector's newest is the end of the step. `clean`: the m_k are
// clean latents, else noises. tau: 0 for the ODE, 1 for the diffusion's own SDE.
SaStep SaStepOf(const SaPoint& from, const SaPoint& to, const std::vector<double>& nodes,
                bool corrects, bool clean, double tau);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_SA_SOLVER_H_
