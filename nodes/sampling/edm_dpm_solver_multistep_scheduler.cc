// DPM-Solver++, multistep, with the preconditioning of Karras et al. 2022: latents are
// clean + sigma·noise, so that alpha is 1. dpm_multistep.h has the steps and edm.h the rest.

#include "nodes/sampling/dpm_multistep.h"
#include "nodes/sampling/edm.h"
#include "nodes/sampling/scheduler_node.h"

namespace weft {
namespace {

class EDMDPMSolverMultistepScheduler : public DpmMultistep {
 public:
  using DpmMultistep::DpmMultistep;

  static absl::StatusOr<std::shared_ptr<const Scheduler>> Make(const SchedulerOptions& options) {
    WEFT_RETURN_IF_ERROR(CheckDpmOptions(options));
    if (options.algorithm_type == "sde-dpmsolver++" && options.solver_order > 2) {
      return Invalid(
          "\"solver_order\" is 3; \"algorithm_type\" sde-dpmsolver++ has orders 1 and 2 here");
    }
    return MakeSolverScheduler<EDMDPMSolverMultistepScheduler>(options);
  }

  double NoiseScale(const Step*) const override { return EdmNoiseScale(options()); }
  Tensor ScaleInput(LatentMath& math, const Tensor& latent, const Step& step) const override {
    return math.Sum({{EdmInputScale(options(), step.sigma), latent}});
  }

 protected:
  Mix MixFor(double sigma) const override { return {1.0, sigma}; }
  Solved Solve(LatentMath& math, const StepInput& in) const override {
    const double sigma = in.schedule.sigma(in.index);
    const Tensor clean = Thresholded(math, EdmClean(math, options(), in.output, in.latent, sigma));
    return {clean, clean};
  }
  absl::StatusOr<Schedule> MakeSchedule(int64_t num_inference_steps) const override {
    Schedule schedule = EdmSchedule(options(), num_inference_steps);
    if (options().final_sigmas_type == "sigma_min") schedule.sigmas.back() = *options().sigma_min;
    return schedule;
  }
};

}  // namespace

NodeType EDMDPMSolverMultistepSchedulerNode() {
  return SchedulerNode(
      {.type = "EDMDPMSolverMultistepScheduler",
       .doc = "DPM-Solver++, multistep, for models with EDM preconditioning.",
       .defaults = EdmDefaults(),
       .options = EdmOptions({"solver_order",
                              "thresholding",
                              "dynamic_thresholding_ratio",
                              "sample_max_value",
                              {"algorithm_type", {"dpmsolver++", "sde-dpmsolver++", "deis"}},
                              "solver_type",
                              "lower_order_final",
                              "euler_at_final"}),
       .make = EDMDPMSolverMultistepScheduler::Make});
}

}  // namespace weft
