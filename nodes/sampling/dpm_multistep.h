#ifndef WEFT_NODES_SAMPLING_DPM_MULTISTEP_H_
#define WEFT_NODES_SAMPLING_DPM_MULTISTEP_H_

#include <vector>

#include "nodes/sampling/dpm_solver.h"

namespace weft {

// DPM-Solver and DPM-Solver++, multistep (Lu et al. 2022, arXiv 2206.00927 and 2211.01095): the
// derivatives in lambda are differences of the outputs of past steps. dpm_solver.h has the update.
class DpmMultistep : public DpmSolver {
 public:
  using DpmSolver::DpmSolver;

  StepResult Advance(LatentMath& math, const StepInput& in) const override;

 private:
  Tensor Next(LatentMath& math, const StepInput& in, const std::vector<Tensor>& past,
              const Tensor& fresh) const;
};

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_DPM_MULTISTEP_H_
