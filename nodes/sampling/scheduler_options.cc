#include "nodes/sampling/scheduler_options.h"

#include <cmath>
#include <cstdlib>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

using Options = SchedulerOptions;
using Member =
    std::variant<bool Options::*, int64_t Options::*, double Options::*, std::string Options::*,
                 std::optional<double> Options::*, std::optional<int64_t> Options::*,
                 std::vector<double> Options::*, std::vector<int64_t> Options::*>;

struct Option {
  absl::string_view name;
  Member member;
  absl::string_view doc;
  std::optional<double> min = std::nullopt;
  std::optional<double> max = std::nullopt;
  std::vector<std::string> choices = {};
};

// Every option: the one place of its doc, range and choices.
const std::vector<Option>& AllOptions() {
  static const auto& options = *new std::vector<Option>{
      {"num_train_timesteps", &Options::num_train_timesteps,
       "Steps of the diffusion the model was trained on.", 2, 1000000},
      {"beta_start", &Options::beta_start, "Variance of the first training step.", 0, 1},
      {"beta_end", &Options::beta_end, "Variance of the last training step.", 0, 1},
      {"beta_schedule",
       &Options::beta_schedule,
       "How the variance grows between: straight, straight in its root, or by a cosine.",
       std::nullopt,
       std::nullopt,
       {"linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid", "laplace", "exp"}},
      {"trained_betas", &Options::trained_betas, "All variances, in place of a schedule.", 0, 1},
      {"rescale_betas_zero_snr", &Options::rescale_betas_zero_snr,
       "Rescale the variances so that the last step is pure noise (arXiv 2305.08891)."},
      {"prediction_type",
       &Options::prediction_type,
       "What the model predicts: the noise, v, or the clean picture.",
       std::nullopt,
       std::nullopt,
       {"epsilon", "v_prediction", "sample"}},
      {"timestep_spacing",
       &Options::timestep_spacing,
       "Where the steps lie (arXiv 2305.08891, table 2).",
       std::nullopt,
       std::nullopt,
       {"linspace", "leading", "trailing"}},
      {"steps_offset", &Options::steps_offset, "Added to each timestep of leading spacing.", 0,
       1000000},
      {"set_alpha_to_one", &Options::set_alpha_to_one,
       "The last step leads to no noise at all instead of that of the first training step."},
      {"use_karras_sigmas", &Options::use_karras_sigmas,
       "Space the noise levels after Karras et al. (arXiv 2206.00364, eq. 5)."},
      {"use_exponential_sigmas", &Options::use_exponential_sigmas,
       "Space the noise levels evenly in their logarithm."},
      {"use_beta_sigmas", &Options::use_beta_sigmas,
       "Space the noise levels by a beta distribution (arXiv 2407.12173)."},
      {"use_lu_lambdas", &Options::use_lu_lambdas,
       "Space the noise levels evenly in log SNR (Lu et al., arXiv 2206.00927)."},
      {"use_flow_sigmas", &Options::use_flow_sigmas,
       "The model was trained on straight flows: x = (1 - sigma) clean + sigma noise."},
      {"flow_shift", &Options::flow_shift, "Moves a flow's noise levels up.", 0},
      {"shift_terminal", &Options::shift_terminal,
       "Stretch a flow's noise levels so that they end here.", 0, 1},
      {"sigma_min", &Options::sigma_min,
       "The lowest noise level of a Karras, exponential or beta spacing.", 0},
      {"sigma_max", &Options::sigma_max, "The highest one.", 0},
      {"final_sigmas_type",
       &Options::final_sigmas_type,
       "The noise level after the last step: none, or that of the first training step.",
       std::nullopt,
       std::nullopt,
       {"zero", "sigma_min"}},
      {"interpolation_type",
       &Options::interpolation_type,
       "Noise levels from the timesteps, or evenly spaced in their logarithm.",
       std::nullopt,
       std::nullopt,
       {"linear", "log_linear"}},
      {"timestep_type",
       &Options::timestep_type,
       "continuous: a v model is told 0.25 ln(sigma) in place of the timestep.",
       std::nullopt,
       std::nullopt,
       {"discrete", "continuous"}},
      {"lambda_min_clipped", &Options::lambda_min_clipped,
       "Skip timesteps whose log SNR is below this; not set: none. For cosine schedules, -5.1."},
      {"clip_sample", &Options::clip_sample, "Keep the predicted clean latent within a range."},
      {"clip_sample_range", &Options::clip_sample_range, "That range: ± this.", 0},
      {"thresholding", &Options::thresholding,
       "Dynamic thresholding of the predicted clean latent (arXiv 2205.11487); for models that "
       "work on pixels."},
      {"dynamic_thresholding_ratio", &Options::dynamic_thresholding_ratio,
       "The quantile of magnitudes that thresholding scales to one.", 0, 1},
      {"sample_max_value", &Options::sample_max_value, "The most that thresholding scales by.",
       1e-6},
      {"variance_type",
       &Options::variance_type,
       "The variance of the noise that DDPM adds at each step; learned ones come from the model as "
       "a "
       "second half of its channels.",
       std::nullopt,
       std::nullopt,
       {"fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log", "learned",
        "learned_range"}},
      {"eta", &Options::eta, "How much noise each step adds: 0 none, 1 as much as DDPM.", 0, 1},
      {"noise_sampler_seed", &Options::noise_sampler_seed,
       "Seed of the Brownian tree that the noise comes from; not set: one drawn from the "
       "generator.",
       0},
      {"use_clipped_model_output", &Options::use_clipped_model_output,
       "Work the noise out again from the clipped prediction."},
      {"s_churn", &Options::s_churn,
       "Noise added before each step (arXiv 2206.00364, algorithm 2); 0: none.", 0},
      {"s_tmin", &Options::s_tmin, "The lowest noise level that gets some.", 0},
      {"s_tmax", &Options::s_tmax, "The highest one; not set: all.", 0},
      {"s_noise", &Options::s_noise, "Its strength.", 0},
      {"skip_prk_steps", &Options::skip_prk_steps,
       "Begin without Runge-Kutta steps, as Stable Diffusion does."},
      {"order", &Options::order, "Past derivatives that a step looks back on.", 1, 16},
      {"solver_order", &Options::solver_order,
       "Order of the solver: 2 for guided sampling, 3 for unguided.", 1, 8},
      {"algorithm_type",
       &Options::algorithm_type,
       "Solves for the noise (dpmsolver) or the clean latent (dpmsolver++), as an ODE or with "
       "noise added (sde).",
       std::nullopt,
       std::nullopt,
       {"dpmsolver", "dpmsolver++", "sde-dpmsolver", "sde-dpmsolver++", "deis"}},
      // A config may have been written for another solver; its kinds are taken as the default one.
      {"solver_type",
       &Options::solver_type,
       "The kind of second-order step.",
       std::nullopt,
       std::nullopt,
       {"midpoint", "heun", "logrho", "bh1", "bh2"}},
      {"lower_order_final", &Options::lower_order_final,
       "Lower orders in the last steps of a short run."},
      {"euler_at_final", &Options::euler_at_final, "Order 1 in the last step."},
      {"predict_x0", &Options::predict_x0, "Solve for the clean latent instead of the noise."},
      {"predictor_order", &Options::predictor_order,
       "Order of the predictor: 2 for guided sampling, 3 for unguided.", 1, 4},
      {"corrector_order", &Options::corrector_order,
       "Order of the corrector: 2 for guided sampling, 3 for unguided.", 1, 4},
      {"tau", &Options::tau, "How stochastic the steps are: 0 an ODE, 1 the diffusion's SDE.", 0},
      {"tau_min_timestep", &Options::tau_min_timestep,
       "The lowest timestep where tau counts; below it steps are those of the ODE."},
      {"tau_max_timestep", &Options::tau_max_timestep, "The highest one."},
      {"sigma_data", &Options::sigma_data, "Standard deviation of clean latents.", 1e-6},
      {"sigma_schedule",
       &Options::sigma_schedule,
       "Space the noise levels after Karras et al. or evenly in their logarithm.",
       std::nullopt,
       std::nullopt,
       {"karras", "exponential"}},
      {"rho", &Options::rho, "The exponent of the Karras spacing.", 1e-3},
      {"disable_corrector", &Options::disable_corrector,
       "Steps that the corrector leaves alone (it can hurt the first ones).", 0},
      {"original_inference_steps", &Options::original_inference_steps,
       "Steps of the schedule that the model was distilled with.", 1},
      {"timestep_scaling", &Options::timestep_scaling,
       "Sharpness of the boundary condition at timestep 0.", 0},
  };
  return options;
}

const Option& Find(absl::string_view name) {
  for (const Option& option : AllOptions()) {
    if (option.name == name) return option;
  }
  static const auto& none = *new Option{"", &Options::order, "An option that is not in the table."};
  return none;
}

// How a member's C++ type stands on a port.
template <typename T>
struct OnPort;
template <>
struct OnPort<bool> {
  static constexpr absl::string_view kType = "bool";
  static bool From(const Value& v) { return *v.AsBool(); }
  static std::string Text(bool x) { return x ? "true" : "false"; }
};
template <>
struct OnPort<int64_t> {
  static constexpr absl::string_view kType = "int";
  static int64_t From(const Value& v) { return *v.AsInt(); }
  static std::string Text(int64_t x) { return absl::StrCat(x); }
};
template <>
struct OnPort<double> {
  static constexpr absl::string_view kType = "float";
  static double From(const Value& v) { return *v.AsFloat(); }
  static std::string Text(double x) { return absl::StrCat(x); }
};
template <>
struct OnPort<std::string> {
  static constexpr absl::string_view kType = "text";
  static std::string From(const Value& v) { return *v.AsText(); }
  static std::string Text(const std::string& x) { return x; }
};
template <>
struct OnPort<std::optional<double>> {
  static constexpr absl::string_view kType = "float";
  static std::optional<double> From(const Value& v) { return *v.AsFloat(); }
  static std::string Text(const std::optional<double>& x) {
    return x.has_value() ? absl::StrCat(*x) : "not set";
  }
};
template <>
struct OnPort<std::optional<int64_t>> {
  static constexpr absl::string_view kType = "int";
  static std::optional<int64_t> From(const Value& v) { return *v.AsInt(); }
  static std::string Text(const std::optional<int64_t>& x) {
    return x.has_value() ? absl::StrCat(*x) : "not set";
  }
};
template <typename T>
struct OnPort<std::vector<T>> {
  static constexpr absl::string_view kType =
      std::is_same_v<T, double> ? "list<float>" : "list<int>";
  static std::vector<T> From(const Value& v) {
    std::vector<T> list;
    for (const Value& item : *v.AsList()) list.push_back(OnPort<T>::From(item));
    return list;
  }
  static std::string Text(const std::vector<T>& x) {
    return x.empty() ? "none" : absl::StrJoin(x, ", ");
  }
};
template <typename T>
using PortOfMember = OnPort<std::remove_reference_t<decltype(std::declval<Options>().*T())>>;

PortSpec Port(const Option& option, const OptionUse& use) {
  PortSpec port;
  port.name = std::string(option.name);
  port.type = Type::Parse(
      std::visit([](auto member) { return PortOfMember<decltype(member)>::kType; }, option.member));
  port.doc = std::string(option.doc);
  port.min = option.min;
  port.max = option.max;
  port.choices = use.choices.empty() ? option.choices : use.choices;
  return port;
}

// JSON as a value of the kinds that options have; anything else gives null.
Value FromJson(const nlohmann::json& json, const Type& type) {
  if (json.is_boolean()) return Value(json.get<bool>());
  // Python may have written an int as 50.0.
  if (json.is_number_float() && type.name == "int") {
    const double x = json.get<double>();
    const auto whole = static_cast<int64_t>(std::abs(x) < 1e15 ? x : 0.0);
    return static_cast<double>(whole) == x ? Value(whole) : Value(x);
  }
  if (json.is_number_float()) return Value(json.get<double>());
  if (json.is_number_integer()) return Value(json.get<int64_t>());
  if (json.is_string()) return Value(json.get<std::string>());
  if (!json.is_array()) return Value();
  List list;
  for (const nlohmann::json& item : json) list.push_back(FromJson(item, type));
  return Value(std::move(list));
}

}  // namespace

PortSpec OptionPort(const OptionUse& use, const SchedulerOptions& defaults) {
  const Option& option = Find(use.name);
  PortSpec port = Port(option, use);
  const std::string fallback = std::visit(
      [&defaults](auto member) { return PortOfMember<decltype(member)>::Text(defaults.*member); },
      option.member);
  absl::StrAppend(&port.doc, " If neither the graph nor the config says: ", fallback, ".");
  return port;
}

absl::StatusOr<SchedulerOptions> ResolveOptions(const std::vector<OptionUse>& uses,
                                                SchedulerOptions defaults,
                                                const SchedulerConfig* config,
                                                const absl::btree_map<std::string, Value>& graph) {
  for (const OptionUse& use : uses) {
    const Option& option = Find(use.name);
    const PortSpec port = Port(option, use);
    Value value;
    std::string source;
    const auto wired = graph.find(port.name);
    if (wired != graph.end() && !wired->second.is_null()) {
      value = wired->second;
    } else if (config != nullptr && config->json().contains(port.name) &&
               !config->json()[port.name].is_null()) {
      value = FromJson(config->json()[port.name], port.type);
      source = config->source();
    } else {
      continue;
    }
    absl::StatusOr<Value> checked = CheckLiteral(port, value);
    if (!checked.ok()) return Annotate(checked.status(), source);
    std::visit(
        [&defaults, &checked](auto member) {
          defaults.*member = PortOfMember<decltype(member)>::From(*checked);
        },
        option.member);
  }
  return defaults;
}

}  // namespace weft
