#ifndef WEFT_NODES_SAMPLING_SIGMA_SCHEDULER_H_
#define WEFT_NODES_SAMPLING_SIGMA_SCHEDULER_H_

#include <memory>
#include <utility>
#include <vector>

#include "nodes/sampling/noise_schedule.h"
#include "nodes/sampling/prediction.h"
#include "nodes/sampling/scheduler.h"
#include "runtime/base/status_macros.h"

namespace weft {

// What Euler, Heun, LMS, KDPM2 and DPMSolverSDE share: latents are clean + sigma·noise, and the
// model sees them scaled to unit variance (Karras et al. 2022, arXiv 2206.00364).
class SigmaScheduler : public Scheduler {
 public:
  SigmaScheduler(SchedulerOptions options, NoiseSchedule noise)
      : options_(std::move(options)),
        noise_(std::move(noise)),
        prediction_(PredictionOf(options_.prediction_type)) {}

  int64_t num_train_timesteps() const override { return options_.num_train_timesteps; }
  double NoiseScale(const Step* first) const override;
  bool scale_needs_steps() const override {
    return options_.timestep_spacing == "leading" || options_.sampler.schedule == "ddim_uniform";
  }
  Tensor ScaleInput(LatentMath& math, const Tensor& latent, const Step& step) const override;
  Tensor AddNoise(LatentMath& math, const Tensor& latent, const Tensor& noise,
                  const Step& step) const override;

 protected:
  absl::StatusOr<Schedule> MakeSchedule(int64_t num_inference_steps) const override;
  // Whether evenly spaced timesteps are kept in f32 before sigmas are looked up at them.
  virtual bool f32_timesteps() const { return true; }
  // Whether Karras sigmas get whole timesteps.
  virtual bool rounds_karras() const { return false; }
  // The timestep that the model is told for a noise level.
  double TimestepFor(double sigma) const;
  // A schedule with a second call in each step but the last, at a level between its ends:
  // middles[i] of step i. While it lasts the second call counts as at the end of the step.
  Schedule WithMiddles(const Schedule& steps, const std::vector<double>& middles) const;
  // The same with each middle half way in the logarithm.
  Schedule WithLogMiddles(const Schedule& steps) const;

  const SchedulerOptions& options() const { return options_; }
  const NoiseSchedule& noise() const { return noise_; }
  Prediction prediction() const { return prediction_; }

 private:
  SchedulerOptions options_;
  NoiseSchedule noise_;
  Prediction prediction_;
};

// What diffusers' classes with two calls a step take where nobody says: Stable Diffusion's betas.
SchedulerOptions MidpointDefaults();

// One of them, its options checked.
template <typename T>
absl::StatusOr<std::shared_ptr<const Scheduler>> MakeSigmaScheduler(
    const SchedulerOptions& options) {
  WEFT_RETURN_IF_ERROR(CheckSigmaOptions(options));
  WEFT_ASSIGN_OR_RETURN(NoiseSchedule noise, NoiseSchedule::Make(options, /*keep_signal=*/true));
  return std::make_shared<T>(options, std::move(noise));
}

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_SIGMA_SCHEDULER_H_
