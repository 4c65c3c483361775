"""The latents of drawn scenes, and the UNet that learns to denoise them."""

import copy
import random
import time

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor

import scenes
import start
import text_stage
import tokenizer as tokens
import vae_stage
from muon import Muon
from rollouts import Rollouts
from training import Training

# Two levels. The 16x16 one is thin because it would dominate the cost; all the attention, and so
# all the reading of the sentence, happens on the 8x8 one.
UNET_CONFIG = dict(
    sample_size=16,
    in_channels=4,
    out_channels=4,
    block_out_channels=[64, 128],
    layers_per_block=1,
    down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"],
    up_block_types=["CrossAttnUpBlock2D", "UpBlock2D"],
    cross_attention_dim=text_stage.WIDTH,
    attention_head_dim=4,  # the number of heads, as in Stable Diffusion 1.x configs
    norm_num_groups=16,
)
SCHEDULER_CONFIG = {
    "_class_name": "EulerAncestralDiscreteScheduler",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "prediction_type": "v_prediction",
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "timestep_spacing": "trailing",
    "trained_betas": None,
}
SCALING_FACTOR = 1.05  # one over the standard deviation of the latents
OBJECT_WEIGHT = 2.0  # how much more a latent cell touched by an object counts than bare paper
EMPTY_PROMPTS = 0.15


def alphas_cumulative():
    c = SCHEDULER_CONFIG
    betas = torch.linspace(c["beta_start"] ** 0.5, c["beta_end"] ** 0.5, c["num_train_timesteps"],
                           dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0).float()


def draw_scenes(folder, count, log, part=4000):
    """Draws `count` scenes and keeps their latents; parts already there are kept."""
    done = sorted(folder.glob("latents-*.pt"))
    while len(done) * part < count:
        rng = random.Random(5000 + len(done))
        codes, rows, touched = [], [], []
        began = time.time()
        for _ in range(part):
            scene = scenes.sample_scene(rng)
            picture = scenes.render(scene, scenes.place(scene, rng))
            off = np.abs(picture.astype(np.int16) - picture[0, 0]).max(2) > 20
            touched.append(off.reshape(16, 8, 16, 8).any((1, 3)))
            codes.append(vae_stage.code(vae_stage.to_tensor([picture])).half())
            rows.append(text_stage.targets_of(scene))
        path = folder / f"latents-{len(done):03d}.pt"
        torch.save(dict(code=torch.cat(codes), rows=torch.tensor(rows),
                        touched=torch.from_numpy(np.stack(touched))), path)
        done.append(path)
        log(f"latents: {len(done) * part} of {count}, {time.time() - began:.0f} s")
    return done


def scene_of(row):
    """The inverse of text_stage.targets_of."""
    things = []
    for colour, shape, size in (row[:3], row[3:6]):
        if colour < 12:
            things.append(scenes.Thing(scenes.SIZES[size], text_stage.COLOURS[colour],
                                       text_stage.SHAPES[shape]))
    background = text_stage.COLOURS[row[7]] if row[7] < 12 else ""
    return scenes.Scene(tuple(things), scenes.AXES[row[6]], background)


def load_latents(paths):
    parts = [torch.load(p, weights_only=True) for p in paths]
    codes = torch.cat([p["code"] for p in parts]).float()
    rows = [scene_of(r) for p in parts for r in p["rows"].tolist()]
    return codes, rows, torch.cat([p["touched"] for p in parts])


def train(folder, scale, encoder, latents, minutes, device, log, evaluate=None, batch=16,
          look_every=600):
    """Trains for `minutes` in all; `evaluate(ema)` is called every so often. Returns the EMA."""
    codes, rows, touched = latents
    torch.manual_seed(77)
    unet = start.straighten(UNet2DConditionModel(**UNET_CONFIG)).to(device)
    unet.set_attn_processor(AttnProcessor())  # quicker than the fused kernel on so few positions
    ema = copy.deepcopy(unet).requires_grad_(False)
    optimizer = Muon(unet, lr=0.01)
    training = Training("diffusion", folder, minutes, unet, optimizer, log, average=ema, warm_up=100,
                        level=0.3)
    rng = training.rng
    quick = tokens.QuickTokenizer.read(folder / "tokenizer")
    encoder = encoder.to(device).eval()
    alphas = alphas_cumulative().to(device)
    codes = codes * scale
    rollouts = Rollouts(round(0.6 * batch), alphas, codes)
    last_look = time.time()
    for _ in training.steps():
        pick = torch.randint(0, len(rows), (batch,))
        texts = ["" if rng.random() < EMPTY_PROMPTS else scenes.caption(rows[i], rng)
                 for i in pick.tolist()]
        clean = codes[pick].to(device)
        # Late times more often, for there the sentence is what decides. One from each of `batch`
        # equally likely slices: the loss wobbles less.
        even = (torch.randperm(batch) + torch.rand(batch)) / batch
        times = (1000 * even.sqrt()).long().clamp(max=999).to(device)
        signal = alphas[times].sqrt()[:, None, None, None]
        noise_level = (1 - alphas[times]).sqrt()[:, None, None, None]
        noise = torch.randn_like(clean)
        # The network's own stretches come twice: with their sentences and without.
        drawn, drawn_times, drawn_target = (x.to(device) for x in rollouts.batch())
        drawn_scenes = rollouts.scenes.clone()
        texts += [scenes.caption(rows[i], rng) for i in drawn_scenes.tolist()]
        texts += [""] * len(drawn_scenes)
        ids = torch.tensor([quick(t) for t in texts], device=device)
        noisy = torch.cat([signal * clean + noise_level * noise, drawn, drawn])
        target = torch.cat([signal * noise - noise_level * clean, drawn_target, drawn_target])
        objects = touched[torch.cat([pick, drawn_scenes, drawn_scenes])].to(device)[:, None]
        with torch.autocast(device, torch.bfloat16):
            with torch.no_grad():
                hidden = encoder(ids).last_hidden_state
            predicted = unet(noisy, torch.cat([times, drawn_times, drawn_times]), hidden).sample
        weight = 1 + OBJECT_WEIGHT * objects.float()
        loss = ((predicted.float() - target) ** 2 * weight).mean() / weight.mean()
        rollouts.advance(*predicted[batch:].detach().float().cpu().chunk(2))
        training.learn(loss)
        if evaluate is not None and time.time() - last_look > look_every:
            evaluate(ema)
            last_look = time.time()
    return ema
