// Euler's method with the preconditioning of Karras et al. 2022 (arXiv 2206.00364, algorithm 2
// without its correction): x' = x + (sigma' - sigma) (x - clean) / sigma. edm.h has the rest.

#include <utility>

#include "nodes/sampling/churn.h"
#include "nodes/sampling/edm.h"
#include "nodes/sampling/noise_schedule.h"
#include "nodes/sampling/scheduler_node.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

class EDMEulerScheduler : public Scheduler {
 public:
  explicit EDMEulerScheduler(SchedulerOptions options) : options_(std::move(options)) {}

  static absl::StatusOr<std::shared_ptr<const Scheduler>> Make(const SchedulerOptions& options) {
    WEFT_RETURN_IF_ERROR(CheckSigmaOptions(options));
    return std::make_shared<EDMEulerScheduler>(options);
  }

  int64_t num_train_timesteps() const override { return options_.num_train_timesteps; }
  double NoiseScale(const Step*) const override { return EdmNoiseScale(options_); }
  Tensor ScaleInput(LatentMath& math, const Tensor& latent, const Step& step) const override {
    return math.Sum({{EdmInputScale(options_, step.sigma), latent}});
  }
  Tensor AddNoise(LatentMath& math, const Tensor& latent, const Tensor& noise,
                  const Step& step) const override {
    return math.Sum({{1.0, latent}, {step.sigma, noise}});
  }

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const ChurnedLatent churned = Churned(math, in, options_);
    const Tensor clean = EdmClean(math, options_, in.output, churned.latent, churned.sigma);
    const double ratio = in.schedule.sigma(in.index + 1) / churned.sigma;
    SchedulerState state = in.state;
    ++state.calls;
    return {math.Sum({{ratio, churned.latent}, {1.0 - ratio, clean}}), clean, std::move(state)};
  }

 protected:
  absl::StatusOr<Schedule> MakeSchedule(int64_t num_inference_steps) const override {
    return EdmSchedule(options_, num_inference_steps);
  }

 private:
  SchedulerOptions options_;
};

}  // namespace

NodeType EDMEulerSchedulerNode() {
  return SchedulerNode({.type = "EDMEulerScheduler",
                        .doc = "Euler's method for models with EDM preconditioning.",
                        .defaults = EdmDefaults(),
                        .options = EdmOptions({"s_churn", "s_tmin", "s_tmax", "s_noise"}),
                        .make = EDMEulerScheduler::Make});
}

}  // namespace weft
