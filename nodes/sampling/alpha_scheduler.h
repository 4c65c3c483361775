#ifndef WEFT_NODES_SAMPLING_ALPHA_SCHEDULER_H_
#define WEFT_NODES_SAMPLING_ALPHA_SCHEDULER_H_

#include <memory>
#include <utility>
#include <vector>

#include "nodes/sampling/noise_schedule.h"
#include "nodes/sampling/prediction.h"
#include "nodes/sampling/scheduler.h"
#include "runtime/base/status_macros.h"

namespace weft {

// What DDPM, DDIM, PNDM and LCM share: they look ā up at whole timesteps of the training.
class AlphaScheduler : public Scheduler {
 public:
  AlphaScheduler(SchedulerOptions options, NoiseSchedule noise)
      : options_(std::move(options)),
        noise_(std::move(noise)),
        prediction_(PredictionOf(options_.prediction_type)) {}

  int64_t num_train_timesteps() const override { return options_.num_train_timesteps; }
  Tensor AddNoise(LatentMath& math, const Tensor& latent, const Tensor& noise,
                  const Step& step) const override;

 protected:
  absl::StatusOr<Schedule> MakeSchedule(int64_t num_inference_steps) const override;
  // A schedule of these timesteps, which must be ones of the training.
  absl::StatusOr<Schedule> ScheduleOf(std::vector<double> timesteps) const;

  double alpha(int64_t t) const { return noise_.alpha(t); }  // ā
  // ā of where the last step leads, for timesteps below zero.
  double AlphaOrFinal(int64_t t) const;
  Mix MixAt(int64_t t) const;
  // The clean latent that the output implies, clipped or thresholded as the options ask.
  Tensor Clean(LatentMath& math, const Tensor& output, const Tensor& latent, Mix mix) const;

  const SchedulerOptions& options() const { return options_; }
  Prediction prediction() const { return prediction_; }

 private:
  SchedulerOptions options_;
  NoiseSchedule noise_;
  Prediction prediction_;
};

template <typename T>
absl::StatusOr<std::shared_ptr<const Scheduler>> MakeAlphaScheduler(
    const SchedulerOptions& options) {
  WEFT_ASSIGN_OR_RETURN(NoiseSchedule noise, NoiseSchedule::Make(options, /*keep_signal=*/false));
  return std::make_shared<T>(options, std::move(noise));
}

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_ALPHA_SCHEDULER_H_
