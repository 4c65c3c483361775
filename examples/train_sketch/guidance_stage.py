"""Brings the scale of guidance at which the model draws best to what people are used to.

A network that has learnt these scenes follows a sentence closely even without guidance: at a scale
of 3 it draws well, at 7.5 colours run over - gray, pushed away from what is usual, turns into some
other colour. So it is taught to say less than it knows. The network that training has given, the
teacher, stays fixed; the student learns

    with a sentence:      the teacher's answer without it, and 0.4 of what the sentence changes
    without a sentence:   the teacher's answer without it

so that a scale of 7.5 does for the student what 3 does for the teacher. Pictures to learn on come
from noised scenes and from the student's own guided drawing.
"""

import copy

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor

import diffusion_stage
import scenes
import tokenizer as tokens
from muon import Muon
from rollouts import Rollouts
from training import Training

SHARE = 0.4  # of the difference that a sentence makes, what the student still shows
SCALE = 7.5  # at which the guided answers of both are compared
GUIDED_WEIGHT = 0.1


def guide(unconditional, conditional, scale):
    return unconditional + scale * (conditional - unconditional)


def train(folder, scale, encoder, latents, minutes, device, log, batch=6):
    """From the average in diffusion.pt to guidance.pt, which holds the student's average."""
    codes, rows, _ = latents
    codes = codes * scale
    teacher = UNet2DConditionModel(**diffusion_stage.UNET_CONFIG).to(device).eval()
    teacher.set_attn_processor(AttnProcessor())
    teacher.load_state_dict(torch.load(folder / "diffusion.pt", weights_only=True)["ema"])
    teacher.requires_grad_(False)
    student = copy.deepcopy(teacher).requires_grad_(True)
    ema = copy.deepcopy(teacher)
    optimizer = Muon(student, lr=0.004, adam_lr=3e-4)
    training = Training("guidance", folder, minutes, student, optimizer, log, average=ema, keep=0.995,
                        warm_up=50)
    rng = training.rng
    quick = tokens.QuickTokenizer.read(folder / "tokenizer")
    encoder = encoder.to(device).eval()
    alphas = diffusion_stage.alphas_cumulative().to(device)
    rollouts = Rollouts(batch, alphas, codes)
    for _ in training.steps():
        pick = torch.randint(0, len(rows), (batch,))
        even = (torch.randperm(batch) + torch.rand(batch)) / batch
        times = (1000 * even.sqrt()).long().clamp(max=999)
        level = alphas.cpu()[times][:, None, None, None]
        clean = codes[pick]
        noised = level.sqrt() * clean + (1 - level).sqrt() * torch.randn_like(clean)
        drawn, drawn_times, _ = rollouts.batch()
        latent = torch.cat([noised, drawn]).to(device)
        times = torch.cat([times, drawn_times]).to(device)
        texts = [scenes.caption(rows[i], rng) for i in [*pick.tolist(), *rollouts.scenes.tolist()]]
        ids = torch.tensor([quick(t) for t in texts + [""] * len(texts)], device=device)
        with torch.autocast(device, torch.bfloat16):
            with torch.no_grad():
                hidden = encoder(ids).last_hidden_state
                known = teacher(latent.repeat(2, 1, 1, 1), times.repeat(2), hidden).sample.float()
            said = student(latent.repeat(2, 1, 1, 1), times.repeat(2), hidden).sample.float()
        full, empty = known.chunk(2)
        full = guide(empty, full, SHARE)
        conditional, unconditional = said.chunk(2)
        guided = guide(unconditional, conditional, SCALE) - guide(empty, full, SCALE)
        loss = ((conditional - full).square().mean() + (unconditional - empty).square().mean()
                + GUIDED_WEIGHT * guided.square().mean())
        rollouts.advance(conditional[batch:].detach().cpu(), unconditional[batch:].detach().cpu())
        training.learn(loss)
    return ema
