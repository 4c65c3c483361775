#ifndef WEFT_NODES_SAMPLING_SCHEDULER_H_
#define WEFT_NODES_SAMPLING_SCHEDULER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "nodes/sampling/latent_math.h"
#include "nodes/sampling/step.h"
#include "runtime/base/rng.h"
#include "runtime/graph/port.h"

namespace weft {

// All steps of a run: one timestep for each call of the model, and the noise levels (noise over
// signal) at them; sigmas[i + 1] is where step i leads.
struct Schedule {
  int64_t num_inference_steps = 0;
  std::vector<double> timesteps;
  std::vector<double> sigmas;
  std::vector<double> model_sigmas;  // Step::model_sigma of each call; empty: the sigmas

  int64_t size() const { return static_cast<int64_t>(timesteps.size()); }
  double timestep(int64_t i) const { return timesteps[static_cast<size_t>(i)]; }
  double sigma(int64_t i) const { return sigmas[static_cast<size_t>(i)]; }
  double model_sigma(int64_t i) const {
    return model_sigmas.empty() ? sigma(i) : model_sigmas[static_cast<size_t>(i)];
  }
};

// What one step leaves to the next, as plain data: a saved one resumes the run bit for bit.
struct SchedulerState : RecordPort {
  static constexpr absl::string_view kTypeName = "state";

  int64_t num_inference_steps = 0;  // 0: not a state
  int64_t calls = 0;                // steps taken in this run
  int64_t order = 0;                // of the last step, where the solver's orders vary
  int64_t seed = -1;                // of a Brownian tree that the run draws from; -1: none yet
  std::vector<Tensor> history;      // past model outputs in the solver's terms, oldest first
  Tensor sample;                    // a latent that the following steps start from, or empty
  Tensor partial;                   // a weighted sum of outputs that is not complete, or empty

  // A record whose counts no run can have come to gives no state.
  static SchedulerState From(const Record& record);
  Record To() const;
};

// Forgets all but the latest `count` outputs; a state may come from another scheduler's run.
void KeepLatest(std::vector<Tensor>& history, int64_t count);

// What a scheduler's step is given.
struct StepInput {
  const Schedule& schedule;
  int64_t index;
  const Tensor& output;  // the model's
  const Tensor& latent;
  const SchedulerState& state;
  Rng* rng;  // null where there is no generator
};
struct StepResult {
  Tensor latent;
  Tensor original;  // the predicted clean latent
  SchedulerState state;
};

// How a latent walks from noise to a picture. Immutable: all that changes is in the state.
class Scheduler : public Object {
 public:
  static constexpr absl::string_view kTypeName = "scheduler";
  absl::string_view type_name() const override { return kTypeName; }

  // The steps of a run, worked out once for each number of steps.
  absl::StatusOr<std::shared_ptr<const Schedule>> ScheduleFor(int64_t num_inference_steps) const;
  // Those that `strength` leaves, counted as diffusers' image-to-image pipelines do.
  absl::StatusOr<std::vector<Step>> Steps(int64_t num_inference_steps, double strength) const;

  virtual int64_t num_train_timesteps() const = 0;
  virtual int64_t calls_per_step() const { return 1; }  // diffusers' `order` of the class
  // What the first noise is multiplied with; `first` is null where the number of steps is unknown.
  virtual double NoiseScale(const Step*) const { return 1.0; }
  // Whether NoiseScale depends on the number of steps.
  virtual bool scale_needs_steps() const { return false; }
  virtual Tensor ScaleInput(LatentMath&, const Tensor& latent, const Step&) const { return latent; }
  // The forward process: the clean latent with as much noise as `step` expects.
  virtual Tensor AddNoise(LatentMath& math, const Tensor& latent, const Tensor& noise,
                          const Step& step) const = 0;
  // Errors go to `math`.
  virtual StepResult Advance(LatentMath& math, const StepInput& in) const = 0;

 protected:
  virtual absl::StatusOr<Schedule> MakeSchedule(int64_t num_inference_steps) const = 0;

 private:
  mutable absl::Mutex mutex_;
  mutable std::shared_ptr<const Schedule> last_ ABSL_GUARDED_BY(mutex_);
};

// Noise from the generator in the shape of the latent; an error where there is none.
Tensor DrawNoise(LatentMath& math, const StepInput& in);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_SCHEDULER_H_
