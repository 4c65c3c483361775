#ifndef WEFT_NODES_SAMPLING_SIGMA_SCHEDULER_H_
#define WEFT_NODES_SAMPLING_SIGMA_SCHEDULER_H_

#include <memory>
#include <utility>

#include "nodes/sampling/noise_schedule.h"
#include "nodes/sampling/prediction.h"
#include "nodes/sampling/scheduler.h"
#include "runtime/base/status_macros.h"

namespace weft {

// What Euler, Heun and LMS share: latents are clean + sigma·noise, and the model sees them scaled
// to unit variance (Karras et al. 2022, arXiv 2206.00364).
class SigmaScheduler : public Scheduler {
 public:
  SigmaScheduler(SchedulerOptions options, NoiseSchedule noise)
      : options_(std::move(options)),
        noise_(std::move(noise)),
        prediction_(PredictionOf(options_.prediction_type)) {}

  int64_t num_train_timesteps() const override { return options_.num_train_timesteps; }
  double NoiseScale(const Step* first) const override;
  bool scale_needs_steps() const override { return options_.timestep_spacing == "leading"; }
  Tensor ScaleInput(LatentMath& math, const Tensor& latent, const Step& step) const override;
  Tensor AddNoise(LatentMath& math, const Tensor& latent, const Tensor& noise,
                  const Step& step) const override;

 protected:
  absl::StatusOr<Schedule> MakeSchedule(int64_t num_inference_steps) const override;

  const SchedulerOptions& options() const { return options_; }
  Prediction prediction() const { return prediction_; }

 private:
  SchedulerOptions options_;
  NoiseSchedule noise_;
  Prediction prediction_;
};

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
