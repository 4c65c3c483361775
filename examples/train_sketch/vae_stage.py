"""The autoencoder: 128x128 pictures, 16x16x4 latents that are laid down rather than learned.

A latent cell stands for 8x8 pixels. Three of its channels are the cell's mean colour and the
fourth is how its colour changes from top to bottom. Flat shapes can be drawn again from that, a
small picture is easy to denoise, and since no latent ever moves, the decoder, the encoder and the
UNet can be trained side by side, each at its own pace.
"""

import math

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch.nn import functional

import scenes
import start
from muon import Muon
from training import Training

CELL = 8  # pixels to a latent
CONFIG = dict(
    in_channels=3,
    out_channels=3,
    down_block_types=["DownEncoderBlock2D"] * 4,
    up_block_types=["UpDecoderBlock2D"] * 4,
    block_out_channels=[16, 32, 64, 64],
    layers_per_block=1,
    act_fn="silu",
    latent_channels=4,
    norm_num_groups=4,
    sample_size=scenes.SIDE,
)
MEAN_GAIN = 1.5  # brings the mean colours, -1..1, to about unit variance
SLOPE_GAIN = 4.0
# The mixture of red, green and blue in which any two of the palette's colours differ.
SLOPE_COLOUR = (0.05, 0.30, 0.65)
EDGE_WEIGHT = 0.5
# What the encoder says of its own doubt: the posterior's standard deviation, in latents.
POSTERIOR_SPREAD = 0.02


def to_tensor(pictures):
    """uint8 [n, h, w, 3] to float [n, 3, h, w] in -1..1."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().contiguous() / 127.5 - 1


def code(pictures):
    """The latents of pictures in -1..1: float [n, 4, h / 8, w / 8]."""
    mean = MEAN_GAIN * functional.avg_pool2d(pictures, CELL)
    mixture = torch.tensor(SLOPE_COLOUR, device=pictures.device)[None, :, None, None]
    height = pictures.shape[2]
    down = (torch.arange(height, device=pictures.device) % CELL - (CELL - 1) / 2) / (CELL / 2)
    weighted = (pictures * mixture).sum(1, keepdim=True) * down[None, None, :, None]
    return torch.cat([mean, SLOPE_GAIN * functional.avg_pool2d(weighted, CELL)], 1)


def batch_of_crops(rng, count, side):
    """Windows that look at an object, or whole pictures when `side` is the full side."""
    crops = []
    while len(crops) < count:
        # Small objects are the hard ones.
        scene = scenes.sample_scene(rng, pairs=0.85, sizes=(0.5, 0.3, 0.2))
        placements = scenes.place(scene, rng)
        picture = scenes.render(scene, placements)
        if side == scenes.SIDE:
            crops.append(picture)
            continue
        for spot in placements:
            room = scenes.SIDE - side
            left = min(max(int(spot.x - side / 2 + rng.uniform(-24, 24)), 0), room)
            top = min(max(int(spot.y - side / 2 + rng.uniform(-24, 24)), 0), room)
            crops.append(picture[top : top + side, left : left + side])
    return to_tensor(crops[:count])


def windows(rng, count, step):
    """The pictures of a step. Windows hold more contour for their cost; whole ones teach the border."""
    whole = step % 4 == 0
    return batch_of_crops(rng, count // 4 if whole else count, scenes.SIDE if whole else 64)


def edges(x):
    return x[:, :, 1:, :] - x[:, :, :-1, :], x[:, :, :, 1:] - x[:, :, :, :-1]


def picture_loss(drawn, pictures):
    colour = (drawn - pictures).abs().mean()
    contour = sum((a - b).abs().mean() for a, b in zip(edges(drawn), edges(pictures)))
    return colour + EDGE_WEIGHT * contour, colour


def decoder_loss(model, pictures, spread=0.15):
    """On latents as slightly wrong as denoised ones are."""
    latents = code(pictures)
    amount = spread * torch.rand(len(latents), 1, 1, 1, device=latents.device)
    latents = latents + amount * torch.randn_like(latents)
    return picture_loss(model.decode(latents).sample.float(), pictures)


def encoder_loss(model, pictures):
    posterior = model.encode(pictures).latent_dist
    wrong = (posterior.mean.float() - code(pictures)).abs().mean()
    doubt = (posterior.logvar.float() - 2 * math.log(POSTERIOR_SPREAD)).abs().mean()
    return wrong + 0.02 * doubt, wrong


def train(half, folder, minutes, device, log, learning_rate=0.002, batch=12):
    """Trains one half, "decoder" or "encoder", for `minutes` in all over any number of calls."""
    torch.manual_seed(4)
    model = start.straighten(AutoencoderKL(**CONFIG)).to(device)
    if half == "decoder":
        parts, loss_of = ("decoder.", "post_quant_conv."), decoder_loss
    else:
        parts, loss_of = ("encoder.", "quant_conv."), encoder_loss
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(parts))
    optimizer = Muon(model, learning_rate, adam_lr=2e-4, only=parts)
    training = Training(half, folder, minutes, model, optimizer, log)
    for step in training.steps():
        with torch.autocast(device, torch.bfloat16):
            loss, wrong = loss_of(model, windows(training.rng, batch, step).to(device))
        training.learn(loss, error=wrong)
    return model
