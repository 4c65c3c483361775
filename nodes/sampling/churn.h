#ifndef WEFT_NODES_SAMPLING_CHURN_H_
#define WEFT_NODES_SAMPLING_CHURN_H_

#include "nodes/sampling/scheduler.h"
#include "nodes/sampling/scheduler_options.h"

namespace weft {

// A latent whose noise level was raised before a step.
struct ChurnedLatent {
  Tensor latent;
  double sigma;
};
// The latent of the step with its level sigma raised to sigma (1 + gamma) by fresh noise, gamma
// from the options s_churn, s_tmin and s_tmax (Karras et al. 2022, arXiv 2206.00364, algorithm 2);
// as it was where gamma is 0.
ChurnedLatent Churned(LatentMath& math, const StepInput& in, const SchedulerOptions& options);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_CHURN_H_
