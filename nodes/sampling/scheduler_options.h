#ifndef WEFT_NODES_SAMPLING_SCHEDULER_OPTIONS_H_
#define WEFT_NODES_SAMPLING_SCHEDULER_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nodes/sampling/scheduler_config.h"
#include "runtime/graph/contract.h"

namespace weft {

// The options of all schedulers, with the names of diffusers' classes and their commonest
// defaults. Docs, ranges and choices stand in scheduler_options.cc; a scheduler names the ones it
// has and overrides defaults (SchedulerClass in scheduler_node.h).
struct SchedulerOptions {
  // In place of a spacing: the noise levels of one of ComfyUI's schedules (sampler_schedule.h).
  struct Sampler {
    std::string schedule;            // its name; empty: spaced as diffusers does
    bool drops_penultimate = false;  // one level more than asked for, without the last but one
    double last = 0.0;               // the level that the last step leads to
  } sampler;

  int64_t num_train_timesteps = 1000;
  double beta_start = 0.0001;
  double beta_end = 0.02;
  std::string beta_schedule = "linear";
  std::vector<double> trained_betas;
  bool rescale_betas_zero_snr = false;
  std::string prediction_type = "epsilon";
  std::string timestep_spacing = "linspace";
  int64_t steps_offset = 0;
  bool set_alpha_to_one = true;

  bool use_karras_sigmas = false;
  bool use_exponential_sigmas = false;
  bool use_beta_sigmas = false;
  bool use_lu_lambdas = false;
  bool use_flow_sigmas = false;
  double flow_shift = 1.0;
  std::optional<double> shift_terminal;
  std::optional<double> sigma_min;
  std::optional<double> sigma_max;
  std::string final_sigmas_type = "zero";
  std::string interpolation_type = "linear";
  std::string timestep_type = "discrete";
  std::optional<double> lambda_min_clipped;

  bool clip_sample = true;
  double clip_sample_range = 1.0;
  bool thresholding = false;
  double dynamic_thresholding_ratio = 0.995;
  double sample_max_value = 1.0;

  std::string variance_type;
  double eta = 0.0;
  std::optional<int64_t> noise_sampler_seed;
  bool use_clipped_model_output = false;
  double s_churn = 0.0;
  double s_tmin = 0.0;
  std::optional<double> s_tmax;
  double s_noise = 1.0;
  bool skip_prk_steps = false;
  int64_t order = 4;

  int64_t solver_order = 2;
  std::string algorithm_type = "dpmsolver++";
  std::string solver_type = "midpoint";
  bool lower_order_final = true;
  bool euler_at_final = false;
  bool predict_x0 = true;
  int64_t predictor_order = 2;
  int64_t corrector_order = 2;
  double tau = 1.0;
  double tau_min_timestep = 200.0;
  double tau_max_timestep = 800.0;
  double sigma_data = 0.5;
  std::string sigma_schedule = "karras";
  double rho = 7.0;
  std::vector<int64_t> disable_corrector;

  int64_t original_inference_steps = 50;
  double timestep_scaling = 10.0;
};

// An option that a scheduler has, where its choices differ from the common ones with those.
struct OptionUse {
  OptionUse(const char* option) : name(option) {}  // NOLINT(google-explicit-constructor)
  OptionUse(const char* option, std::vector<std::string> only)
      : name(option), choices(std::move(only)) {}

  absl::string_view name;
  std::vector<std::string> choices;
};

// The option as an input port of a scheduler's node; `defaults` are the scheduler's own.
PortSpec OptionPort(const OptionUse& use, const SchedulerOptions& defaults);

// The values of the options in `uses`: from the graph, else from the config, else the default.
// Keys of the config that are not among `uses` are ignored. Errors name option and source.
absl::StatusOr<SchedulerOptions> ResolveOptions(const std::vector<OptionUse>& uses,
                                                SchedulerOptions defaults,
                                                const SchedulerConfig* config,
                                                const absl::btree_map<std::string, Value>& graph);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_SCHEDULER_OPTIONS_H_
