#ifndef WEFT_NODES_SAMPLING_SOLVER_SCHEDULER_H_
#define WEFT_NODES_SAMPLING_SOLVER_SCHEDULER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nodes/sampling/noise_schedule.h"
#include "nodes/sampling/prediction.h"
#include "nodes/sampling/scheduler.h"
#include "runtime/base/status_macros.h"

namespace weft {

// What DPM-Solver, UniPC, DEIS and SA-Solver share: latents are alpha·clean + sigma·noise, and
// steps are taken in lambda = ln(alpha / sigma), half the log of the signal-to-noise ratio.
class SolverScheduler : public Scheduler {
 public:
  SolverScheduler(SchedulerOptions options, NoiseSchedule noise)
      : options_(std::move(options)),
        noise_(std::move(noise)),
        prediction_(PredictionOf(options_.prediction_type)) {}

  int64_t num_train_timesteps() const override { return options_.num_train_timesteps; }
  double NoiseScale(const Step* first) const override;
  bool scale_needs_steps() const override { return options_.sampler.schedule == "ddim_uniform"; }
  Tensor AddNoise(LatentMath& math, const Tensor& latent, const Tensor& noise,
                  const Step& step) const override;

 protected:
  // A point on the way: its mix and lambda (infinite where there is no noise).
  struct Point {
    Mix mix;
    double lambda = 0.0;
  };
  Point At(const Schedule& schedule, int64_t index) const;
  virtual Mix MixFor(double sigma) const;

  absl::StatusOr<Schedule> MakeSchedule(int64_t num_inference_steps) const override;
  // How Karras timesteps become whole: rounded, or cut off.
  virtual bool rounds_karras() const { return true; }
  virtual std::vector<double> FlowSigmas(int64_t count) const;
  // Where a spacing of sigmas leads with final_sigmas_type sigma_min.
  virtual double FinalSigma(const std::vector<double>& sigmas) const;

  // The order of a multistep step: that of the solver as far as there are past outputs, lower at
  // the end of a short run and where the last step leads to no noise at all.
  int64_t OrderOf(const StepInput& in, size_t outputs) const;

  // The model's output without the half of its channels that predicts a variance.
  Tensor WithoutVariance(LatentMath& math, const StepInput& in) const;
  Tensor Thresholded(LatentMath& math, const Tensor& clean) const;

  const SchedulerOptions& options() const { return options_; }
  const NoiseSchedule& noise() const { return noise_; }
  Prediction prediction() const { return prediction_; }

 private:
  SchedulerOptions options_;
  NoiseSchedule noise_;
  Prediction prediction_;
};

// The options that all solvers have, and `own` ones.
std::vector<OptionUse> SolverOptions(std::vector<OptionUse> own);

template <typename T>
absl::StatusOr<std::shared_ptr<const Scheduler>> MakeSolverScheduler(
    const SchedulerOptions& options) {
  WEFT_RETURN_IF_ERROR(CheckSigmaOptions(options));
  if (options.use_flow_sigmas != (options.prediction_type == "flow_prediction")) {
    return Invalid("\"use_flow_sigmas\" and \"prediction_type\" flow_prediction go together");
  }
  if (options.shift_terminal.has_value() && !options.use_flow_sigmas) {
    return Invalid("\"shift_terminal\" is only for \"use_flow_sigmas\"");
  }
  WEFT_ASSIGN_OR_RETURN(NoiseSchedule noise, NoiseSchedule::Make(options, /*keep_signal=*/true));
  return std::make_shared<T>(options, std::move(noise));
}

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_SOLVER_SCHEDULER_H_
