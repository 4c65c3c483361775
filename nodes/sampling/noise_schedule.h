#ifndef WEFT_NODES_SAMPLING_NOISE_SCHEDULE_H_
#define WEFT_NODES_SAMPLING_NOISE_SCHEDULE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "nodes/sampling/scheduler_options.h"

namespace weft {

// The noise a model was trained with (Ho et al. 2020, arXiv 2006.11239): at step t the latent is
// √ā clean + √(1-ā) noise, ā = Π (1-β). Held in f32 as in diffusers, whose results depend on it
// where 1-ā is small.
class NoiseSchedule {
 public:
  // Where the last training step is pure noise (rescale_betas_zero_snr), `keep_signal` leaves it
  // 2^-24 of signal, so that sigma stays finite.
  static absl::StatusOr<NoiseSchedule> Make(const SchedulerOptions& options, bool keep_signal);

  int64_t size() const { return static_cast<int64_t>(alphas_.size()); }
  double alpha(int64_t t) const { return alphas_[static_cast<size_t>(t)]; }  // ā
  double sigma(int64_t t) const { return sigmas_[static_cast<size_t>(t)]; }  // √((1-ā)/ā)
  double min_sigma() const { return sigmas_.front(); }
  double max_sigma() const { return sigmas_.back(); }
  // ln(sigma), in f32.
  double min_log_sigma() const { return log_sigmas_.front(); }
  double max_log_sigma() const { return log_sigmas_.back(); }
  // Between training steps by straight lines; beyond them the nearest one's.
  double SigmaAt(double timestep) const;
  // The inverse, straight in the logarithm of sigma.
  double TimestepOf(double sigma) const;
  // The training step whose sigma is nearest in its logarithm; the lower one of two.
  int64_t NearestStep(double sigma) const;
  // Between training steps straight in the logarithm of sigma.
  double LogLinearSigmaAt(double timestep) const;
  // How many training steps have a log SNR ln(√ā/√(1-ā)) below `lambda`.
  int64_t StepsBelow(double lambda) const;

 private:
  std::vector<float> alphas_;
  std::vector<float> sigmas_;
  std::vector<float> log_sigmas_;
};

// Where the steps of a run lie on the training's: descending timesteps.
struct Spacing {
  absl::string_view kind;  // linspace, leading or trailing
  int64_t train = 1000;    // training steps
  int64_t last = 1000;     // those below this are used; `train` but for lambda_min_clipped
  int64_t count = 0;       // timesteps wanted
  int64_t offset = 0;
  // DPM solvers divide the way into count + 1 points and leave the lowest to the final sigma.
  bool ends_below = false;
  bool whole = true;  // round linspace's to whole timesteps
};
std::vector<double> SpacedTimesteps(const Spacing& spacing);

// Noise levels from `max` down to `min`.
std::vector<double> KarrasSigmas(double max, double min, int64_t count, double rho = 7.0);
std::vector<double> ExponentialSigmas(double max, double min, int64_t count);
std::vector<double> BetaSigmas(double max, double min, int64_t count);

// Whether the options ask for one of these; `sigmas` are then spaced anew, from the options'
// sigma_max and sigma_min, or else from `max` and `min`.
bool Respaces(const SchedulerOptions& options);
std::vector<double> RespacedSigmas(const SchedulerOptions& options, double max, double min,
                                   int64_t count);
// A noise level of a straight flow, moved up by `shift` (Esser et al. 2024, arXiv 2403.03206,
// section 5.3.2).
double ShiftedFlow(double sigma, double shift);
// At most one spacing may be asked for, and sigma_min must lie below sigma_max.
absl::Status CheckSigmaOptions(const SchedulerOptions& options);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_NOISE_SCHEDULE_H_
