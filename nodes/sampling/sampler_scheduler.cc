// The samplers and schedules that ComfyUI's users know by name, as schedulers. The betas and the
// prediction type come from the model's config; everything else from the two names.

#include <string>
#include <vector>

#include "nodes/sampling/scheduler_classes.h"
#include "nodes/sampling/scheduler_config.h"
#include "nodes/sampling/scheduler_options.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

// Which scheduler a name means. All run on the schedule's noise levels instead of a spacing of
// timesteps, and tell the model the nearest training step.
struct Sampler {
  const char* name;
  MadeScheduler (*make)(const SchedulerOptions&);
  const char* same_as;  // the diffusers class and options with the same steps
  int64_t solver_order = 2;
  const char* solver_type = "midpoint";
  bool drops_penultimate = false;
  double last_sigma = 0.0;
};
constexpr Sampler kSamplers[] = {
    {"euler", MakeEulerDiscrete, "EulerDiscreteScheduler"},
    {"euler_ancestral", MakeEulerAncestralDiscrete, "EulerAncestralDiscreteScheduler"},
    {"heun", MakeHeunDiscrete, "HeunDiscreteScheduler"},
    {"dpm_2", MakeKDPM2Discrete, "KDPM2DiscreteScheduler", 2, "midpoint", true},
    {"dpm_2_ancestral", MakeKDPM2AncestralDiscrete, "KDPM2AncestralDiscreteScheduler", 2,
     "midpoint", true},
    {"lms", MakeLMSDiscrete, "LMSDiscreteScheduler"},
    {"dpmpp_2s_ancestral", MakeDpmpp2sAncestralSampler, "no class of diffusers"},
    {"dpmpp_sde", MakeDPMSolverSDE, "DPMSolverSDEScheduler"},
    {"dpmpp_2m", MakeDPMSolverMultistep, "DPMSolverMultistepScheduler"},
    {"dpmpp_2m_sde", MakeDpmppMultistepSdeSampler,
     "DPMSolverMultistepScheduler, algorithm_type sde-dpmsolver++, but noise from a Brownian tree"},
    {"dpmpp_3m_sde", MakeDpmppMultistepSdeSampler, "no class of diffusers", 3},
    {"ddim", MakeEulerDiscrete, "EulerDiscreteScheduler (DDIM without noise is Euler's method)"},
    {"ddpm", MakeDdpmSampler, "DDPMScheduler, between any noise levels"},
    {"uni_pc", MakeUniPCMultistep,
     "UniPCMultistepScheduler, solver_order 3, solver_type bh1, to a last sigma of 0.001", 3, "bh1",
     true, 0.001},
    {"lcm", MakeLcmSampler, "LCMScheduler without its boundary condition"},
    {"deis", MakeDeisSampler, "DEISMultistepScheduler, solver_order 3, in time instead of log rho",
     3},
    {"ipndm", MakeIpndmSampler, "IPNDMScheduler, in sigma"},
};
constexpr const char* kSchedules[] = {"normal",      "karras",       "exponential", "simple",
                                      "sgm_uniform", "ddim_uniform", "beta"};

std::string SamplerDoc() {
  std::string doc = "How steps are taken. Each is the same as:";
  for (const Sampler& sampler : kSamplers) {
    absl::StrAppend(&doc, " ", sampler.name, ": ", sampler.same_as, ";");
  }
  doc.back() = '.';
  return doc;
}

PortSpec NamePort(const char* name, std::string doc, const char* fallback) {
  PortSpec port;
  port.name = name;
  port.type = Type::Parse("text");
  port.doc = std::move(doc);
  port.fallback = Value(std::string(fallback));
  return port;
}

PortSpec SamplerPort() {
  PortSpec port = NamePort("sampler", SamplerDoc(), "euler");
  for (const Sampler& known : kSamplers) port.choices.push_back(known.name);
  return port;
}

PortSpec SchedulePort() {
  PortSpec port = NamePort(
      "schedule",
      "Where the noise levels lie: normal, sgm_uniform and simple evenly in the timestep, "
      "ddim_uniform a whole stride apart, karras and exponential by sigma, beta by a distribution.",
      "normal");
  port.choices.assign(std::begin(kSchedules), std::end(kSchedules));
  return port;
}

constexpr In<SchedulerConfig> kConfig{
    .name = "config", .doc = "The model's scheduler_config.json.", .optional = true};
constexpr Out<Scheduler> kScheduler{.name = "scheduler", .doc = "The scheduler."};

// What the config may say: how the model was trained.
const std::vector<OptionUse>& Training() {
  static const auto& options =
      *new std::vector<OptionUse>{"num_train_timesteps",   "beta_start",    "beta_end",
                                  "beta_schedule",         "trained_betas", "prediction_type",
                                  "rescale_betas_zero_snr"};
  return options;
}

SchedulerOptions Defaults() {
  SchedulerOptions defaults;
  defaults.beta_start = 0.00085;
  defaults.beta_end = 0.012;
  defaults.beta_schedule = "scaled_linear";
  defaults.clip_sample = false;
  return defaults;
}

Contract MakeContract() {
  Contract contract{
      .type = "SamplerScheduler",
      .doc =
          "A scheduler by ComfyUI's names of its sampler and its schedule. The noise levels are "
          "ComfyUI's to rounding. dpmpp_sde, dpmpp_2m_sde and dpmpp_3m_sde draw from ComfyUI's "
          "Brownian tree (on the CPU; noise_sampler_seed is its seed), the other stochastic "
          "ones from the wired generator.",
      .category = "sampling",
      .inputs = {kConfig},
      .outputs = {kScheduler}};
  contract.inputs.push_back(SamplerPort());
  contract.inputs.push_back(SchedulePort());
  contract.inputs.push_back(OptionPort("noise_sampler_seed", Defaults()));
  for (const OptionUse& use : Training()) contract.inputs.push_back(OptionPort(use, Defaults()));
  return contract;
}

absl::Status Run(NodeContext& ctx) {
  std::shared_ptr<const SchedulerConfig> config;
  if (ctx.Has(kConfig)) config = ctx.Get(kConfig);
  std::vector<OptionUse> uses = Training();
  WEFT_ASSIGN_OR_RETURN(SchedulerOptions options,
                        ResolveOptions(uses, Defaults(), config.get(), ctx.inputs()));
  WEFT_ASSIGN_OR_RETURN(options,
                        ResolveOptions({"noise_sampler_seed"}, options, nullptr, ctx.inputs()));
  // A wired name was not checked with the graph's literals.
  WEFT_ASSIGN_OR_RETURN(const Value name, CheckLiteral(SamplerPort(), ctx.inputs().at("sampler")));
  WEFT_ASSIGN_OR_RETURN(const Value schedule,
                        CheckLiteral(SchedulePort(), ctx.inputs().at("schedule")));
  options.sampler.schedule = *schedule.AsText();
  for (const Sampler& sampler : kSamplers) {
    if (*name.AsText() != sampler.name) continue;
    options.solver_order = sampler.solver_order;
    options.solver_type = sampler.solver_type;
    options.sampler.drops_penultimate = sampler.drops_penultimate;
    options.sampler.last = sampler.last_sigma;
    WEFT_ASSIGN_OR_RETURN(std::shared_ptr<const Scheduler> made, sampler.make(options));
    ctx.Set(kScheduler, std::move(made));
    return absl::OkStatus();
  }
  return absl::InternalError("a sampler without a line in the table");
}

}  // namespace

NodeType SamplerSchedulerNode() { return NodeType{MakeContract(), Run}; }

}  // namespace weft
