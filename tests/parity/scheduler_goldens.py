"""Trajectories of diffusers' schedulers, driven by a formula in place of a UNet.

The cases, the formula and the files are described in tests/goldens/schedulers/README.md.
"""

import contextlib
import inspect
import itertools
import warnings

import diffusers
import torch

from golden_files import GOLDENS, TensorPool, generator, write_rows, write_safetensors

SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
PREDICTIONS = ["epsilon", "v_prediction", "sample"]
SPACINGS = ["linspace", "leading", "trailing"]
STEPS = [5, 20, 50]
SMALL, LARGE = [1, 4, 2, 2], [2, 4, 8, 8]
SEED, CLEAN_SEED, INPAINT_SEED = 1234, 77, 99

CLASSES = {
    "ddpm": "DDPMScheduler",
    "ddim": "DDIMScheduler",
    "pndm": "PNDMScheduler",
    "lms": "LMSDiscreteScheduler",
    "euler": "EulerDiscreteScheduler",
    "euler_ancestral": "EulerAncestralDiscreteScheduler",
    "heun": "HeunDiscreteScheduler",
    "dpm_multistep": "DPMSolverMultistepScheduler",
    "dpm_singlestep": "DPMSolverSinglestepScheduler",
    "unipc": "UniPCMultistepScheduler",
    "lcm": "LCMScheduler",
    "kdpm2": "KDPM2DiscreteScheduler",
    "kdpm2_ancestral": "KDPM2AncestralDiscreteScheduler",
    "dpm_sde": "DPMSolverSDEScheduler",
    "deis": "DEISMultistepScheduler",
    "tcd": "TCDScheduler",
    "ipndm": "IPNDMScheduler",
    "sasolver": "SASolverScheduler",
    "edm_euler": "EDMEulerScheduler",
    "edm_dpm_multistep": "EDMDPMSolverMultistepScheduler",
    "ddim_inverse": "DDIMInverseScheduler",
}
# Their grids leave the runs of 50 steps out, to keep the files small.
SHORT_GRIDS = list(CLASSES.values())[11:]
# Classes whose timesteps are not spaced as the option says, or that do not know it.
UNSPACED = ("LCMScheduler", "TCDScheduler")


def predict(sample, position, timestep):
    """The formula that stands for a UNet; arguments of the sine stay small, so that float32 is enough."""
    place = (torch.arange(sample.numel()) % 16).reshape(sample.shape)
    phase = 0.7 * (position % 8) + 0.002 * float(timestep)
    return 0.35 * torch.sin(1.3 * sample + (phase + 0.4 * place)) + 0.2 * sample


def kept_positions(length):
    """All positions of a short run, seven of a long one; always the first two and the last."""
    if length <= 7:
        return list(range(length))
    return sorted({0, 1, 2, *(round(k * (length - 1) / 4) for k in range(5))})


class Raised(Exception):
    """diffusers does not take this combination, or its result is of no use as a golden."""


@contextlib.contextmanager
def exact_logarithms():
    """torch's f32 log, exp and roots rounded as their exact values are. Its own ones are off in the last bit
    for one value in sixteen or five, as the CPU has it; a Brownian tree gives other noise there."""
    saved = torch.Tensor.log, torch.Tensor.exp, torch.Tensor.__pow__
    torch.Tensor.log = lambda x: saved[0](x.double()).to(x.dtype)
    torch.Tensor.exp = lambda x: saved[1](x.double()).to(x.dtype)
    torch.Tensor.__pow__ = lambda x, y: saved[2](x.double(), y).to(x.dtype) if y == 0.5 else saved[2](x, y)
    try:
        yield
    finally:
        torch.Tensor.log, torch.Tensor.exp, torch.Tensor.__pow__ = saved


def trajectory(scheduler, case, disturb=0.0):
    """Runs one case as diffusers' pipelines do and gives everything seen on the way."""
    shape, steps = case["shape"], case["steps"]
    seen = {"latents": [], "originals": [], "renoised": []}
    scheduler.set_timesteps(steps)
    seen["timesteps"] = scheduler.timesteps.to(torch.float32)
    seen["sigmas"] = scheduler.sigmas.to(torch.float32) if hasattr(scheduler, "sigmas") else None
    seen["init_noise_sigma"] = float(scheduler.init_noise_sigma)

    source = generator(case["seed"])
    noise = torch.randn(shape, generator=source)
    timesteps = scheduler.timesteps
    clean = None
    if "strength" in case:
        clean = 0.8 * torch.randn(shape, generator=generator(CLEAN_SEED))
        first = steps - min(int(steps * case["strength"]), steps)
        timesteps = timesteps[first * scheduler.order:]
        if len(timesteps) == 0:
            raise Raised("no step is left")
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(first * scheduler.order)
        seen["first"] = first * scheduler.order
        latent = scheduler.add_noise(clean, noise, timesteps[:1].repeat(shape[0]))
        seen["start"] = latent
        again = torch.randn(shape, generator=generator(INPAINT_SEED))
    else:
        latent = noise * scheduler.init_noise_sigma

    known = inspect.signature(scheduler.step).parameters
    options = dict(case.get("step_options", {}))
    if "generator" in known:
        options["generator"] = source
    shake = generator(5)
    # A Brownian tree gives other noise at a level that is off by 1e-6, so its sigmas stay.
    if disturb and hasattr(scheduler, "sigmas") and not hasattr(scheduler, "noise_sampler"):
        # About one unit in the last place, as another order of operations would give.
        scheduler.sigmas = scheduler.sigmas * (1 + 1e-7 * (2 * torch.rand(len(scheduler.sigmas), generator=shake) - 1))
    for position, timestep in enumerate(timesteps):
        scaled = scheduler.scale_model_input(latent, timestep)
        if "tau" in case:
            scheduler.tau_func = lambda t: case["tau"][0] if case["tau"][1] <= t <= case["tau"][2] else 0
        if position == 0:
            seen["scaled"] = scaled
        output = predict(scaled, position, timestep)
        if disturb:
            output = output * (1 + disturb * (2 * torch.rand(shape, generator=shake) - 1))
        result = scheduler.step(output, timestep, latent, **options)
        latent = result.prev_sample
        seen["latents"].append(latent)
        seen["originals"].append(getattr(result, "pred_original_sample", None))
        if clean is not None and position + 1 < len(timesteps):
            seen["renoised"].append(scheduler.add_noise(clean, again, timesteps[position + 1:position + 2].repeat(shape[0])))
    return seen


def worst(seen, other):
    """The largest difference of any latent, as a share of that latent's range."""
    return max(float((a - b).abs().max() / (a.max() - a.min())) for a, b in zip(seen["latents"], other["latents"]))


def run(class_name, case):
    def fresh():
        return getattr(diffusers, class_name)(**case["config"])

    exact = exact_logarithms if class_name == "DPMSolverSDEScheduler" else contextlib.nullcontext
    try:
        with exact():
            seen = trajectory(fresh(), case)
    except Raised:
        raise
    except Exception as error:
        raise Raised(f"{type(error).__name__}: {str(error)[:120]}") from error
    if not all(torch.isfinite(latent).all() for latent in seen["latents"]):
        raise Raised("the latent is not finite")
    if seen["sigmas"] is not None and not torch.isfinite(seen["sigmas"]).all():
        raise Raised("a sigma is not finite")
    # A golden is only worth its tolerance of 1e-4 when rounding cannot grow to it.
    with exact():
        shaken = worst(seen, trajectory(fresh(), case, disturb=5e-7))
    if shaken > 3e-5:
        raise Raised(f"ill conditioned: a disturbance of 5e-7 grows to {shaken:.0e} of the range")
    return seen


def base(known):
    """The betas of SD where the class has betas, and a seed where it has its own noise."""
    seed = {"noise_sampler_seed": 42} if "noise_sampler_seed" in known else {}
    return {**(SD if "beta_start" in known else {}), **seed}


def grid(class_name):
    """prediction × spacing × sigma schedule × steps, as far as the class has the option."""
    known = inspect.signature(getattr(diffusers, class_name)).parameters
    spacings = SPACINGS if "timestep_spacing" in known and class_name not in UNSPACED else [None]
    schedules = [None] + [name for name in ("karras", "exponential", "beta") if f"use_{name}_sigmas" in known]
    for prediction, spacing, schedule, steps in itertools.product(PREDICTIONS, spacings, schedules, STEPS):
        if schedule in ("exponential", "beta") and steps == 50 and spacing != "linspace":
            continue
        if class_name in SHORT_GRIDS and (steps == 50 or "prediction_type" not in known):
            continue
        config = {**base(known), "prediction_type": prediction}
        if class_name in ("DDPMScheduler", "DDIMScheduler", "DDIMInverseScheduler"):
            config["clip_sample"] = False  # as in SD; clipping is among the options below
        if spacing:
            config["timestep_spacing"] = spacing
            if spacing == "leading":
                config["steps_offset"] = 1
        if schedule:
            config[f"use_{schedule}_sigmas"] = True
        yield config, steps, {}


def algorithms(class_name):
    """The solvers inside the multistep classes."""
    if class_name == "DPMSolverMultistepScheduler":
        kinds = ["dpmsolver", "dpmsolver++", "sde-dpmsolver", "sde-dpmsolver++"]
        for kind, order, solver, prediction, lower, steps in itertools.product(
                kinds, [1, 2, 3], ["midpoint", "heun"], ["epsilon", "v_prediction"], [True, False], [5, 20]):
            config = {**SD, "algorithm_type": kind, "solver_order": order, "solver_type": solver,
                      "prediction_type": prediction, "lower_order_final": lower}
            if not kind.endswith("++"):
                config["final_sigmas_type"] = "sigma_min"
            yield config, steps, {}
        for kind, order, extra, steps in itertools.product(
                kinds, [2, 3], [{"euler_at_final": True}, {"final_sigmas_type": "sigma_min"}, {"use_karras_sigmas": True},
                                {"use_lu_lambdas": True}, {"prediction_type": "sample"},
                                {"use_karras_sigmas": True, "euler_at_final": True}], [7, 20]):
            config = {**SD, "algorithm_type": kind, "solver_order": order, **extra}
            if not kind.endswith("++"):
                config["final_sigmas_type"] = "sigma_min"
            yield config, steps, {}
        yield {**SD, "algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True}, 50, {}
        yield {**SD, "lambda_min_clipped": -5.1, "beta_schedule": "squaredcos_cap_v2"}, 20, {}
    if class_name == "DPMSolverSinglestepScheduler":
        for kind, order, solver, prediction, lower, steps in itertools.product(
                ["dpmsolver", "dpmsolver++", "sde-dpmsolver++"], [1, 2, 3], ["midpoint", "heun"],
                ["epsilon", "v_prediction"], [True, False], [5, 6, 20]):
            yield {**SD, "algorithm_type": kind, "solver_order": order, "solver_type": solver,
                   "prediction_type": prediction, "lower_order_final": lower,
                   "final_sigmas_type": "zero" if kind.endswith("++") and lower else "sigma_min"}, steps, {}
        for order, steps in itertools.product([1, 2, 3], [7, 8, 9]):
            yield {**SD, "solver_order": order, "use_karras_sigmas": True, "lower_order_final": True}, steps, {}
    if class_name == "UniPCMultistepScheduler":
        for solver, order, x0, lower, prediction, steps in itertools.product(
                ["bh1", "bh2"], [1, 2, 3], [True, False], [True, False], ["epsilon", "v_prediction"], [5, 20]):
            yield {**SD, "solver_type": solver, "solver_order": order, "predict_x0": x0, "lower_order_final": lower,
                   "prediction_type": prediction,
                   "final_sigmas_type": "zero" if x0 and lower and solver == "bh2" else "sigma_min"}, steps, {}
        for extra, steps in itertools.product(
                [{"disable_corrector": [0]}, {"disable_corrector": [0, 1, 2]}, {"final_sigmas_type": "sigma_min"},
                 {"solver_order": 4}, {"solver_order": 3, "use_karras_sigmas": True}], [8, 20]):
            yield {**SD, **extra}, steps, {}


    if class_name == "DEISMultistepScheduler":
        for order, lower, prediction, extra, steps in itertools.product(
                [1, 2, 3], [True, False], PREDICTIONS, [{}, {"use_karras_sigmas": True}], [5, 20]):
            yield {**SD, "solver_order": order, "lower_order_final": lower, "prediction_type": prediction, **extra}, steps, {}
        yield {**SD, "algorithm_type": "dpmsolver++", "solver_type": "midpoint"}, 8, {}
        for order, shift in itertools.product([2, 3], [1.0, 3.0]):
            yield {**SD, "solver_order": order, "use_flow_sigmas": True, "prediction_type": "flow_prediction",
                   "flow_shift": shift}, 8, {}
    if class_name == "SASolverScheduler":
        orders = [(1, 1), (2, 2), (3, 3), (2, 1), (1, 3), (3, 2), (4, 4)]
        for (predictor, corrector), kind, prediction, steps in itertools.product(
                orders, ["data_prediction", "noise_prediction"], ["epsilon", "v_prediction"], [6, 20]):
            yield {**SD, "predictor_order": predictor, "corrector_order": corrector, "algorithm_type": kind,
                   "prediction_type": prediction}, steps, {}
        for tau, kind in itertools.product([(0.0, 0, 999), (1.0, 0, 999), (0.6, 100, 900)],
                                           ["data_prediction", "noise_prediction"]):
            yield {**SD, "algorithm_type": kind}, 12, {"tau": tau}
        for lower, extra in itertools.product([True, False], [{}, {"use_karras_sigmas": True}]):
            yield {**SD, "lower_order_final": lower, "predictor_order": 3, "corrector_order": 3, **extra}, 8, {}
        yield {**SD, "use_flow_sigmas": True, "prediction_type": "flow_prediction", "flow_shift": 3.0}, 8, {}
        yield {**SD, "lambda_min_clipped": -5.1, "beta_schedule": "squaredcos_cap_v2"}, 20, {}
    if class_name == "DPMSolverSDEScheduler":
        for seed, noise, steps in itertools.product([0, 7, 2**40 + 3], [1.0, 0.4], [4, 9]):
            yield {**SD, "noise_sampler_seed": seed, "use_karras_sigmas": True}, steps, {"step_options": {"s_noise": noise}}
    if class_name.startswith("EDM"):
        for extra, prediction, steps in itertools.product(
                [{}, {"sigma_schedule": "exponential"}, {"sigma_min": 0.03, "sigma_max": 14.0, "rho": 5.0}, {"sigma_data": 1.0},
                 {"final_sigmas_type": "sigma_min"}], ["epsilon", "v_prediction"], [1, 5, 20]):
            yield {"prediction_type": prediction, **extra}, steps, {}
    if class_name == "EDMEulerScheduler":
        for churn in ({"s_churn": 4.0}, {"s_churn": 40.0, "s_tmin": 0.05, "s_tmax": 30.0, "s_noise": 1.01}):
            yield {}, 12, {"step_options": churn}
    if class_name == "EDMDPMSolverMultistepScheduler":
        for kind, order, solver, extra, steps in itertools.product(
                ["dpmsolver++", "sde-dpmsolver++"], [1, 2, 3], ["midpoint", "heun"],
                [{}, {"euler_at_final": True}, {"lower_order_final": False, "final_sigmas_type": "sigma_min"}], [5, 16]):
            yield {"algorithm_type": kind, "solver_order": order, "solver_type": solver, **extra}, steps, {}
    if class_name == "TCDScheduler":
        for eta, prediction, steps in itertools.product([0.0, 0.3, 1.0], PREDICTIONS, [1, 4, 8]):
            yield {**SD, "prediction_type": prediction}, steps, {"step_options": {"eta": eta}}
    if class_name == "IPNDMScheduler":
        for steps in (1, 2, 3, 5, 20, 50):
            yield {}, steps, {}
        yield {"trained_betas": [1.0, 0.9, 0.6, 0.3, 0.1, 0.0]}, 5, {}


def options(class_name):
    """Options one at a time, over the betas of SD; those the class has."""
    known = inspect.signature(getattr(diffusers, class_name)).parameters
    plain = {"clip_sample": False} if class_name in ("DDPMScheduler", "DDIMScheduler", "DDIMInverseScheduler") else {}
    SD = base(known)  # noqa: N806
    zero = {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing", "prediction_type": "v_prediction"}
    each = [
        {"beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear"},
        {"beta_schedule": "squaredcos_cap_v2"},
        zero,
        {**zero, "timestep_spacing": "linspace"},
        {"num_train_timesteps": 500},
        {"trained_betas": [0.001 + 0.0002 * k for k in range(100)], "num_train_timesteps": 100},
        {"timestep_spacing": "leading", "steps_offset": 0},
        {"timestep_spacing": "leading", "steps_offset": 3},
        {"set_alpha_to_one": False},
        {"set_alpha_to_one": True},
        {"clip_sample": False},
        # A clipped prediction must not end in one value everywhere: the formula's epsilon does at
        # high noise, its sample and v do not.
        *({"clip_sample": True, "clip_sample_range": limit, "prediction_type": kind}
          for limit in (0.3, 1.0) for kind in ("sample", "v_prediction")),
        *({"thresholding": True, "prediction_type": kind, "dynamic_thresholding_ratio": ratio, "sample_max_value": most,
           **({"clip_sample": False} if "clip_sample" in known else {})}
          for kind in PREDICTIONS for ratio, most in ((0.995, 1.0), (0.8, 2.0))),
        {"interpolation_type": "log_linear"},
        {"timestep_type": "continuous", "prediction_type": "v_prediction"},
        {"timestep_type": "continuous", "prediction_type": "v_prediction", "use_karras_sigmas": True,
         "sigma_min": 0.05, "sigma_max": 20.0},
        {"sigma_min": 0.1, "sigma_max": 9.0, "use_karras_sigmas": True},
        {"final_sigmas_type": "sigma_min"},
        {"variance_type": "fixed_small_log"},
        {"variance_type": "fixed_large"},
        {"variance_type": "fixed_large_log"},
        {"skip_prk_steps": True},
        {"skip_prk_steps": True, "timestep_spacing": "leading", "steps_offset": 1},
        {"skip_prk_steps": True, "timestep_spacing": "trailing", "prediction_type": "v_prediction"},
        {"skip_prk_steps": True, "timestep_spacing": "linspace"},
        {"original_inference_steps": 100},
        {"timestep_scaling": 3.0},
    ]
    if class_name == "IPNDMScheduler":
        each = []  # its betas are those of the steps; see above
    for config in each:
        if all(name in known for name in config):
            for steps in (5, 20):
                yield {**SD, **plain, **config}, steps, {}
    if class_name == "DDIMScheduler":
        yield {**SD, "clip_sample": True}, 5, {}
    if class_name == "LCMScheduler":
        for steps in (1, 2, 4, 8):
            yield dict(SD), steps, {}
    if class_name == "DDIMScheduler":
        for eta, clipped, prediction in itertools.product([0.3, 1.0], [False, True], PREDICTIONS):
            yield ({**SD, "clip_sample": clipped, "prediction_type": prediction}, 20,
                   {"step_options": {"eta": eta, "use_clipped_model_output": clipped}})
        for steps in STEPS:
            yield {**SD, "clip_sample": False, "steps_offset": 1, "set_alpha_to_one": False}, steps, {}
        yield {**SD, "clip_sample": False, "timestep_spacing": "trailing"}, 5, {"step_options": {"eta": 0.7}}
    if class_name == "PNDMScheduler":
        for prediction, steps in itertools.product(["epsilon", "v_prediction"], STEPS):
            yield {**SD, "skip_prk_steps": True, "steps_offset": 1, "prediction_type": prediction}, steps, {}
    for steps in (1, 2, 3):
        yield {**SD, **plain}, steps, {}
    yield {**SD, **plain}, 20, {"shape": LARGE}
    yield {**SD, **plain, "prediction_type": "v_prediction"}, 5, {"shape": LARGE, "seed": 4321}


def strengths(class_name):
    """img2img's start and inpainting's way of putting the original back, as diffusers counts them."""
    extra = {"PNDMScheduler": {"skip_prk_steps": True}, "DDIMScheduler": {"clip_sample": False},
             "DDPMScheduler": {"clip_sample": False}}.get(class_name, {})
    known = inspect.signature(getattr(diffusers, class_name)).parameters
    SD = base(known)  # noqa: N806
    cases = [(20, 0.6), (20, 0.75), (5, 0.5), (50, 0.3), (20, 1.0), (7, 0.99), (5, 0.2)]
    for steps, strength in cases:
        yield {**SD, **extra}, steps, {"strength": strength}
    if "use_karras_sigmas" in known:
        yield {**SD, **extra, "use_karras_sigmas": True}, 20, {"strength": 0.6}
    if "timestep_spacing" in known and class_name not in UNSPACED:
        yield {**SD, **extra, "timestep_spacing": "leading", "steps_offset": 1}, 20, {"strength": 0.6}
        yield {**SD, **extra, "timestep_spacing": "trailing"}, 20, {"strength": 0.6, "shape": LARGE}
    if class_name in ("DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler", "EDMDPMSolverMultistepScheduler"):
        yield {**SD, "algorithm_type": "sde-dpmsolver++"}, 20, {"strength": 0.6}


def make_class(stem, class_name):
    pool, rows, left_out, done = TensorPool(), [], [], set()
    kinds = [("grid", grid), ("algorithm", algorithms), ("option", options), ("strength", strengths)]
    for kind, cases in kinds:
        for config, steps, more in cases(class_name):
            case = {"config": config, "steps": steps, "seed": SEED, "shape": SMALL, **more}
            identity = repr((sorted(config.items(), key=str), steps, sorted(more.items())))
            if identity in done:
                continue
            done.add(identity)
            try:
                seen = run(class_name, case)
            except Raised as why:
                left_out.append({**case, "why": str(why)})
                continue
            kept = kept_positions(len(seen["latents"]))
            row = {"name": f"{stem}.{kind}.{len(rows)}", **case, "init_noise_sigma": seen["init_noise_sigma"],
                   "timesteps": pool.add("timesteps", seen["timesteps"])}
            if seen["sigmas"] is not None:
                row["sigmas"] = pool.add("sigmas", seen["sigmas"])
            row["scaled"] = pool.add("scaled", seen["scaled"])
            row["kept"] = kept
            row["latents"] = pool.add("latents", torch.stack([seen["latents"][k] for k in kept]))
            if seen["originals"][0] is not None:
                positions = sorted({0, len(seen["latents"]) // 2, len(seen["latents"]) - 1})
                row["kept_originals"] = positions
                row["originals"] = pool.add("originals", torch.stack([seen["originals"][k] for k in positions]))
            if "strength" in case:
                row["first"] = seen["first"]
                row["start"] = pool.add("start", seen["start"])
                positions = [k for k in kept if k < len(seen["renoised"])]
                if positions:
                    row["kept_renoised"] = positions
                    row["renoised"] = pool.add("renoised", torch.stack([seen["renoised"][k] for k in positions]))
            rows.append(row)
    for shape, seed in ((SMALL, SEED), (LARGE, SEED), (LARGE, 4321)):
        pool.add(f"noise.{seed}", torch.randn(shape, generator=generator(seed)))
    folder = GOLDENS / "schedulers"
    write_safetensors(folder / f"{stem}.safetensors.zst", pool.tensors)
    write_rows(folder / f"{stem}.json", {
        "class": class_name, "clean_seed": CLEAN_SEED, "inpaint_seed": INPAINT_SEED,
        "left_out": left_out,
    }, "cases", rows)
    return len(rows), len(left_out)


def make():
    warnings.filterwarnings("ignore")
    diffusers.logging.set_verbosity_error()
    counts = []
    for stem, class_name in CLASSES.items():
        counts.append(make_class(stem, class_name))
        print(f"  {class_name}: {counts[-1][0]} cases, {counts[-1][1]} left out", flush=True)
    return f"{sum(c for c, _ in counts)} cases"
