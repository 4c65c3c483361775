// SA-Solver (Xue et al. 2023, arXiv 2309.05019, algorithm 1): a stochastic multistep predictor, and
// a corrector that does the last step over, with the noise it had, once the model has seen where it
// led. sa_solver.h has the step.

#include <algorithm>
#include <cmath>

#include "nodes/sampling/sa_solver.h"
#include "nodes/sampling/scheduler_node.h"
#include "nodes/sampling/solver_scheduler.h"

namespace weft {
namespace {

class SASolverScheduler : public SolverScheduler {
 public:
  using SolverScheduler::SolverScheduler;

  static absl::StatusOr<std::shared_ptr<const Scheduler>> Make(const SchedulerOptions& options) {
    if (options.algorithm_type == "noise_prediction") {
      if (options.thresholding) {
        return Invalid("\"thresholding\" needs \"algorithm_type\" data_prediction");
      }
      if (options.use_flow_sigmas) {
        return Invalid("\"use_flow_sigmas\" needs \"algorithm_type\" data_prediction");
      }
    }
    return MakeSolverScheduler<SASolverScheduler>(options);
  }

  // At the whole timestep, as in diffusers, also where the step's sigma lies beside it.
  Tensor AddNoise(LatentMath& math, const Tensor& latent, const Tensor& noise,
                  const Step& step) const override {
    const int64_t last = this->noise().size() - 1;
    const double alpha =
        this->noise().alpha(std::clamp<int64_t>(static_cast<int64_t>(step.timestep), 0, last));
    return math.Sum({{std::sqrt(alpha), latent}, {std::sqrt(1.0 - alpha), noise}});
  }

  StepResult Advance(LatentMath& math, const StepInput& in) const override {
    const Mix mix = At(in.schedule, in.index).mix;
    const Tensor output = WithoutVariance(math, in);
    const Tensor clean = Thresholded(math, CleanOf(math, prediction(), output, in.latent, mix));
    const Tensor solved = cleans() ? clean : NoiseOf(math, prediction(), output, in.latent, mix);
    SchedulerState state = in.state;
    std::vector<Tensor>& past = state.history;
    Tensor latent = in.latent;
    past.push_back(solved);
    const int64_t kept = std::max(options().predictor_order, options().corrector_order - 1);
    KeepLatest(past, kept + 1);
    if (in.index > 0 && !state.sample.empty()) {
      latent = Update(math, in.schedule, in.index - 1, state, true);
    }
    KeepLatest(past, kept);

    const int64_t left = in.schedule.size() - in.index;
    const int64_t known = std::min(state.calls, kept);
    const bool eases = options().lower_order_final;
    int64_t predictor = std::min(options().predictor_order, known + 1);
    state.order = std::min(options().corrector_order, known + 2);  // of the correction to come
    if (eases) predictor = std::min(predictor, left);
    if (eases) state.order = std::min(state.order, left + 1);
    ++state.calls;
    state.sample = latent;
    state.partial = DrawNoise(math, in);
    latent = Update(math, in.schedule, in.index, state, false, predictor);
    return {std::move(latent), clean, std::move(state)};
  }

 protected:
  double FinalSigma(const std::vector<double>& sigmas) const override {
    return Respaces(options()) || options().use_flow_sigmas ? sigmas.back() : noise().min_sigma();
  }

 private:
  bool cleans() const { return options().algorithm_type == "data_prediction"; }

  SaPoint PointAt(const Schedule& schedule, int64_t index) const {
    const Point point = At(schedule, index);
    return {point.mix, point.lambda};
  }

  // The step from `index` to the next: predicted, or corrected with the output at its end.
  Tensor Update(LatentMath& math, const Schedule& schedule, int64_t index,
                const SchedulerState& state, bool corrects, int64_t order = 0) const {
    const double timestep = schedule.timestep(index);
    const bool random =
        timestep >= options().tau_min_timestep && timestep <= options().tau_max_timestep;
    const int64_t newest = corrects ? index + 1 : index;
    if (corrects) order = state.order;
    order = std::min({order, newest + 1, std::ssize(state.history)});
    std::vector<double> nodes;
    for (int64_t k = 0; k < order; ++k) nodes.push_back(At(schedule, newest - k).lambda);
    const SaStep step = SaStepOf(PointAt(schedule, index), PointAt(schedule, index + 1), nodes,
                                 corrects, cleans(), random ? options().tau : 0.0);
    std::vector<LatentMath::Term> terms = {{step.latent, state.sample}};
    for (size_t k = 0; k < step.outputs.size(); ++k) {
      terms.push_back({step.outputs[k], state.history[state.history.size() - 1 - k]});
    }
    terms.push_back({step.noise, state.partial});
    return math.Sum(terms);
  }
};

SchedulerOptions Defaults() {
  SchedulerOptions defaults;
  defaults.algorithm_type = "data_prediction";
  defaults.final_sigmas_type = "sigma_min";  // the only one that SA-Solver knows
  return defaults;
}

}  // namespace

// diffusers takes tau as a function of the timestep; here it is a value within two timesteps, by
// default those of diffusers' own function.
NodeType SASolverSchedulerNode() {
  return SchedulerNode(
      {.type = "SASolverScheduler",
       .doc =
           "SA-Solver: a stochastic multistep predictor and a corrector without calls of its own.",
       .defaults = Defaults(),
       .options = SolverOptions({"predictor_order",
                                 "corrector_order",
                                 "tau",
                                 "tau_min_timestep",
                                 "tau_max_timestep",
                                 {"algorithm_type", {"data_prediction", "noise_prediction"}},
                                 "lambda_min_clipped",
                                 "variance_type",
                                 "timestep_spacing",
                                 "steps_offset"}),
       .make = SASolverScheduler::Make});
}

}  // namespace weft
