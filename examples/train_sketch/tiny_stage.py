"""A tiny autoencoder for the sketch model, as TAESD is one for Stable Diffusion: fast decoding.

    tiny_stage.py --minutes 30

diffusers' AutoencoderTiny. Its two halves learn what those of the autoencoder learn (vae_stage.py), in
the UNet's latents: pictures from slightly wrong latents, and latents from pictures. Stop it and start it
again at any time. Needs what train.py needs.
"""

import argparse
import pathlib
import random

import torch
from diffusers import AutoencoderTiny

import diffusion_stage
import export
import read_back
import scenes
import vae_stage
from muon import Muon
from pace import Pace
from training import Training

TOP = pathlib.Path(__file__).resolve().parents[2]
CHANNELS = 24
CONFIG = dict(
    encoder_block_out_channels=(16,) * 4,
    decoder_block_out_channels=(CHANNELS,) * 4,
    num_encoder_blocks=(1, 1, 1, 1),
    num_decoder_blocks=(3, 2, 1, 1),
)
ENCODER_WEIGHT = 0.2
SPREAD = 0.15  # of what is wrong with denoised latents


def losses(model, pictures):
    """(what is minimised, mean error of the drawn pictures, of the latents)."""
    latents = diffusion_stage.SCALING_FACTOR * vae_stage.code(pictures)
    amount = SPREAD * torch.rand(len(latents), 1, 1, 1)
    drawn = model.decoder(latents + amount * torch.randn_like(latents))
    picture, wrong = vae_stage.picture_loss(drawn.float(), pictures)
    said = (model.encoder(pictures).float() - latents).abs().mean()
    return picture + ENCODER_WEIGHT * said, wrong, said


def train(folder, minutes, batch, log):
    torch.manual_seed(5)
    model = AutoencoderTiny(**CONFIG)
    optimizer = Muon(model, 0.002, adam_lr=5e-4)
    training = Training("tiny", folder, minutes, model, optimizer, log)
    for step in training.steps():
        with torch.autocast("cpu", torch.bfloat16):
            loss, wrong, said = losses(model, vae_stage.windows(training.rng, batch, step))
        training.learn(loss, pictures=wrong, latents=said)
    return model.eval()


def evaluate(model, log, count):
    """How well pictures of held-out prompts can be read that its decoder has drawn."""
    rng, error, verdicts = random.Random(99), 0.0, []
    for scene in scenes.held_out_scenes(count, seed=3):
        picture = scenes.render(scene, scenes.place(scene, rng))
        latents = diffusion_stage.SCALING_FACTOR * vae_stage.code(vae_stage.to_tensor([picture]))
        with torch.no_grad():
            drawn = model.decode(latents).sample[0]
        back = ((drawn.permute(1, 2, 0).clamp(-1, 1) + 1) * 127.5).round().byte().numpy()
        error += abs(back.astype(int) - picture).mean() / count
        verdicts.append(read_back.judge(back, scene))
    log(f"tiny decoder: mean error {error:.2f}/255, {read_back.summary(verdicts)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=pathlib.Path, default=TOP / "build/train_sketch")
    parser.add_argument("--out", type=pathlib.Path, default=TOP / "examples/models/sketch_tiny_vae")
    parser.add_argument("--minutes", type=float, default=30, help="in all, over any number of calls")
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--prompts", type=int, default=100, help="held-out ones to read at the end")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    Pace.most = options.threads
    options.work.mkdir(parents=True, exist_ok=True)

    def log(line):
        print(line, flush=True)

    model = train(options.work, options.minutes, options.batch, log)
    evaluate(model, log, options.prompts)
    export.write_part(options.out, model)


if __name__ == "__main__":
    main()
