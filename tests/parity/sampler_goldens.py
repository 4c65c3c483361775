"""Trajectories of ComfyUI's samplers on its schedules, driven by a formula in place of a UNet.

The samplers are written here from their formulas (K. Crowson's k-diffusion and ComfyUI's
comfy/k_diffusion/sampling.py, comfy/samplers.py), in float64 with float32 noise levels; the files are
described in tests/goldens/schedulers/README.md.
"""

import math

import numpy
import scipy.stats
import torch
import torchsde

from golden_files import GOLDENS, TensorPool, generator, write_rows, write_safetensors
from scheduler_goldens import SD, SEED, SMALL, kept_positions, predict

SAMPLERS = ["euler", "euler_ancestral", "heun", "dpm_2", "dpm_2_ancestral", "lms", "dpmpp_2s_ancestral", "dpmpp_sde", "dpmpp_2m",
            "dpmpp_2m_sde", "dpmpp_3m_sde", "ddim", "ddpm", "uni_pc", "lcm", "deis", "ipndm"]
SCHEDULES = ["normal", "karras", "exponential", "simple", "sgm_uniform", "ddim_uniform", "beta"]
TREE_SEED = 42


def training_sigmas():
    """diffusers' float32 table. ComfyUI makes its own in float64, which changes last bits; those decide
    which noise a Brownian tree gives, so that the two programs' stochastic samplers part by some 1e-4."""
    betas = torch.linspace(SD["beta_start"] ** 0.5, SD["beta_end"] ** 0.5, 1000, dtype=torch.float32) ** 2
    kept = torch.cumprod(1 - betas, 0)
    return ((1 - kept) / kept).double().sqrt().float().double()


def noise_levels(schedule, steps):
    table = training_sigmas()
    logs, top = torch.from_numpy(numpy.log(table.float().numpy())).double(), len(table) - 1

    def between(t):
        low, high, share = math.floor(t), math.ceil(t), t - math.floor(t)
        return float(((1 - share) * logs[low] + share * logs[high]).exp())

    if schedule == "normal":
        levels = [between(float(t)) for t in torch.linspace(top, 0, steps, dtype=torch.float64)]
    elif schedule == "sgm_uniform":
        levels = [between(float(t)) for t in torch.linspace(top, 0, steps + 1, dtype=torch.float64)[:-1]]
    elif schedule == "simple":
        levels = [float(table[-(1 + int(i * (len(table) / steps)))]) for i in range(steps)]
    elif schedule == "ddim_uniform":
        levels = [float(x) for x in table[1::max(len(table) // steps, 1)]][::-1]
    elif schedule == "karras":
        ramp = torch.linspace(0, 1, steps, dtype=torch.float64)
        levels = ((table[-1] ** (1 / 7) + ramp * (table[0] ** (1 / 7) - table[-1] ** (1 / 7))) ** 7).tolist()
    elif schedule == "exponential":
        levels = torch.linspace(math.log(table[-1]), math.log(table[0]), steps, dtype=torch.float64).exp().tolist()
    else:
        places = numpy.rint(scipy.stats.beta.ppf(1 - numpy.linspace(0, 1, steps, endpoint=False), 0.6, 0.6) * top)
        levels = [float(table[int(t)]) for t in dict.fromkeys(places.tolist())]
    return [float(torch.tensor(x, dtype=torch.float32)) for x in levels] + [0.0]


class Run:
    """One run: calls the formula, keeps the latents, draws noise."""

    def __init__(self, levels, steps_seed):
        self.levels, self.logs, self.calls, self.latents = levels, training_sigmas().log(), 0, []
        self.source = generator(steps_seed)
        self.first = torch.randn(SMALL, generator=self.source)
        self.tree = None

    def clean(self, x, sigma):
        timestep = int((self.logs - math.log(sigma)).abs().argmin())
        scaled = (x / math.sqrt(sigma ** 2 + 1)).float()
        output = predict(scaled, self.calls, timestep).double()
        self.calls += 1
        return x - sigma * output

    def fresh(self):
        return torch.randn(SMALL, generator=self.source).double()

    def brownian(self, sigma, following):
        if self.tree is None:
            levels = [x for x in self.levels if x > 0]
            self.tree = torchsde.BrownianTree(t0=min(levels), w0=torch.zeros(SMALL), t1=max(levels), entropy=TREE_SEED)
        low, high = torch.tensor(following).float(), torch.tensor(sigma).float()
        return -self.tree(low, high).double() / math.sqrt(abs(float(high - low)))


def ancestral(sigma, following):
    sigma, following = numpy.float32(sigma), numpy.float32(following)
    square = following * following
    up = min(following, numpy.sqrt(square * (sigma * sigma - square) / (sigma * sigma)))
    return float(numpy.sqrt(square - up * up)), float(up)


def middle(a, b):
    return math.exp(0.5 * (math.log(a) + math.log(b)))


def multistep_weight(levels, i, order, j):
    """The integral of a Lagrange polynomial over the step, by a fine Simpson rule."""
    def lagrange(s):
        return math.prod((s - levels[i - k]) / (levels[i - j] - levels[i - k]) for k in range(order) if k != j)
    n = 2000
    h = (levels[i + 1] - levels[i]) / n
    return h / 3 * sum((1 if k in (0, n) else 4 if k % 2 else 2) * lagrange(levels[i] + k * h) for k in range(n + 1))


def deis_weights(levels, i, order):
    low, high = math.log(0.002 ** 2 + 1), math.log(80.0 ** 2 + 1)
    steep = 2 * (low / 1e-3 - high) / (1e-3 - 1)
    flat = high - 0.5 * steep
    times = [(math.sqrt(flat ** 2 + 2 * steep * math.log(s ** 2 + 1)) - flat) / steep for s in levels]
    taus = torch.linspace(times[i], times[i + 1], 10000, dtype=torch.float64)
    alpha = torch.exp(-0.5 * taus ** 2 * steep - taus * flat)
    slope = 0.5 * (taus * steep + flat) / torch.sqrt(alpha * (1 - alpha))  # of sigma over time
    previous = [times[i - k] for k in range(order)]
    weights = []
    for j in range(order):
        product = torch.ones_like(taus)
        for k in range(order):
            if k != j:
                product = product * (taus - previous[k]) / (previous[j] - previous[k])
        weights.append(float((slope * product).sum() * (times[i + 1] - times[i]) / 10000))
    return weights


def sample(run, sampler, x):
    """Every call's latent in k-diffusion's scale (clean + sigma noise), with those between two calls of a step."""
    s, past = run.levels, []
    for i in range(len(s) - 1):
        sigma, following = s[i], s[i + 1]
        clean = run.clean(x, sigma)
        slope = (x - clean) / sigma
        if following == 0 and sampler != "uni_pc":
            x = clean
        elif sampler in ("euler", "ddim"):
            x = x + slope * (following - sigma)
        elif sampler == "euler_ancestral":
            down, up = ancestral(sigma, following)
            x = x + slope * (down - sigma) + up * run.fresh()
        elif sampler == "heun":
            end = x + slope * (following - sigma)
            run.latents.append(end)
            x = x + (slope + (end - run.clean(end, following)) / following) / 2 * (following - sigma)
        elif sampler in ("dpm_2", "dpm_2_ancestral"):
            down, up = ancestral(sigma, following) if sampler == "dpm_2_ancestral" else (following, 0.0)
            between = middle(sigma, down)
            half = x + slope * (between - sigma)
            run.latents.append(half)
            x = x + (half - run.clean(half, between)) / between * (down - sigma)
            x = x + up * run.fresh() if up else x
        elif sampler == "lms":
            past = [slope, *past][:4]
            x = x + sum(multistep_weight(s, i, len(past), j) * d for j, d in enumerate(past))
        elif sampler == "dpmpp_2s_ancestral":
            down, up = ancestral(sigma, following)
            between = middle(sigma, down)
            half = between / sigma * x + (1 - between / sigma) * clean
            run.latents.append(half)
            x = down / sigma * x + (1 - down / sigma) * run.clean(half, between) + up * run.fresh()
        elif sampler == "dpmpp_sde":
            # The levels between come from float32 logarithms, as the tree sees them.
            time = [torch.tensor(-math.log(v)).float() for v in (sigma, following)]
            start, between, end = (float(torch.exp(-t.double()).float()) for t in (time[0], time[0] + (time[1] - time[0]) * 0.5, time[1]))
            down, up = ancestral(start, between)
            half = down / start * x + (1 - down / start) * clean + up * run.brownian(start, between)
            run.latents.append(half)
            down, up = ancestral(start, end)
            x = down / start * x + (1 - down / start) * run.clean(half, middle(sigma, following)) + up * run.brownian(start, end)
        elif sampler == "dpmpp_2m":
            h = math.log(sigma / following)
            point = clean
            if past:
                r = math.log(s[i - 1] / sigma) / h
                point = (1 + 1 / (2 * r)) * clean - 1 / (2 * r) * past[0]
            x = following / sigma * x - math.expm1(-h) * point
            past = [clean]
        elif sampler in ("dpmpp_2m_sde", "dpmpp_3m_sde"):
            h = math.log(sigma / following)
            new = math.exp(-2 * h) * x - math.expm1(-2 * h) * clean
            phi = math.expm1(-2 * h) / (2 * h) + 1
            if past:
                r = math.log(s[i - 1] / sigma) / h
                first = (clean - past[0]) / r
                if sampler == "dpmpp_2m_sde":
                    new = new - 0.5 * math.expm1(-2 * h) * first
                elif len(past) == 1:
                    new = new + phi * first
                else:
                    q = math.log(s[i - 2] / s[i - 1]) / h
                    second = (past[0] - past[1]) / q
                    new = new + phi * (first + (first - second) * r / (r + q)) - (phi / (2 * h) - 0.5) * (first - second) / (r + q)
            x = new + run.brownian(sigma, following) * following * math.sqrt(-math.expm1(-2 * h))
            past = [clean, *past][:2]
        elif sampler == "ddpm":
            a, b = 1 / (sigma ** 2 + 1), 1 / (following ** 2 + 1)
            unit = (x * math.sqrt(a) - (1 - a / b) * slope / math.sqrt(1 - a)) / math.sqrt(a / b)
            x = (unit + math.sqrt((1 - a / b) * (1 - b) / (1 - a)) * run.fresh()) / math.sqrt(b)
        elif sampler == "lcm":
            x = clean + following * run.fresh()
        elif sampler == "deis":
            past = [slope, *past][:3]
            weights = deis_weights(s, i, len(past)) if len(past) > 1 else [following - sigma]
            x = x + sum(w * d for w, d in zip(weights, past))
        elif sampler == "ipndm":
            past = [slope, *past][:4]
            table = [[1], [1.5, -0.5], [23 / 12, -16 / 12, 5 / 12], [55 / 24, -59 / 24, 37 / 24, -9 / 24]]
            x = x + (following - sigma) * sum(w * d for w, d in zip(table[len(past) - 1], past))
        run.latents.append(x)
    return x


def make():
    pool, rows = TensorPool(), []
    for sampler in SAMPLERS:
        if sampler == "uni_pc":
            continue  # UniPCMultistepScheduler's own goldens have its steps; see its levels below
        for schedule in SCHEDULES:
            for steps in (4, 11):
                drops = sampler in ("dpm_2", "dpm_2_ancestral")
                levels = noise_levels(schedule, steps + drops)
                levels = levels[:-2] + levels[-1:] if drops else levels
                run = Run(levels, SEED)
                highest = abs(levels[0] / float(training_sigmas()[-1]) - 1) < 1e-5
                sample(run, sampler, run.first.double() * (math.sqrt(levels[0] ** 2 + 1) if highest else levels[0]))
                kept = kept_positions(len(run.latents))
                rows.append({"name": f"{sampler} {schedule} {steps}", "sampler": sampler, "schedule": schedule, "steps": steps,
                             "shape": SMALL, "seed": SEED, "noise_sampler_seed": TREE_SEED, "kept": kept,
                             "levels": pool.add("levels", torch.tensor(levels)),
                             "latents": pool.add("latents", torch.stack([run.latents[k] for k in kept]).float())})
    for schedule in SCHEDULES:
        for steps in (4, 11):
            levels = noise_levels(schedule, steps + 1)
            rows.append({"name": f"uni_pc {schedule} {steps}", "sampler": "uni_pc", "schedule": schedule, "steps": steps, "shape": SMALL,
                         "seed": SEED, "noise_sampler_seed": TREE_SEED, "kept": [],
                         "levels": pool.add("levels", torch.tensor(levels[:-2] + [0.001]))})
    write_safetensors(GOLDENS / "schedulers" / "samplers.safetensors.zst", pool.tensors)
    write_rows(GOLDENS / "schedulers" / "samplers.json", {"config": SD}, "cases", rows)
    return f"{len(rows)} cases"
