// DPM-Solver and DPM-Solver++, multistep (Lu et al. 2022, arXiv 2206.00927 and 2211.01095);
// dpm_multistep.h has it.

#include "nodes/sampling/dpm_multistep.h"
#include "nodes/sampling/scheduler_classes.h"
#include "nodes/sampling/scheduler_node.h"

namespace weft {
namespace {

class DPMSolverMultistepScheduler : public DpmMultistep {
 public:
  using DpmMultistep::DpmMultistep;

 protected:
  bool rounds_karras() const override { return options().beta_schedule != "squaredcos_cap_v2"; }
};

}  // namespace

MadeScheduler MakeDPMSolverMultistep(const SchedulerOptions& options) {
  WEFT_RETURN_IF_ERROR(CheckDpmOptions(options));
  return MakeSolverScheduler<DPMSolverMultistepScheduler>(options);
}

NodeType DPMSolverMultistepSchedulerNode() {
  return SchedulerNode(
      {.type = "DPMSolverMultistepScheduler",
       .doc = "DPM-Solver(++), multistep, as an ODE or an SDE.",
       .options = SolverOptions({"solver_order", "algorithm_type", "solver_type", "euler_at_final",
                                 "use_lu_lambdas", "final_sigmas_type", "lambda_min_clipped",
                                 "variance_type", "timestep_spacing", "steps_offset",
                                 "rescale_betas_zero_snr"}),
       .make = MakeDPMSolverMultistep});
}

}  // namespace weft
