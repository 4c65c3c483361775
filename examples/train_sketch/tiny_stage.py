"""A tiny autoencoder for the sketch model, as TAESD is one for Stable Diffusion: fast decoding.

    tiny_stage.py --minutes 30

diffusers' AutoencoderTiny. Its two halves learn what those of the autoencoder learn (vae_stage.py), in
the UNet's latents: pictures from slightly wrong latents, and latents from pictures. Stop it and start it
again at any time. Needs what train.py needs.
"""

import argparse
import math
import pathlib
import random
import time

import torch
from diffusers import AutoencoderTiny

import diffusion_stage
import export
import read_back
import scenes
import vae_stage
from muon import Muon

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
    checkpoint, step, spent = folder / "tiny.pt", 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, spent = state["step"], state["spent"]
    rng, clock, last_save, average = random.Random(2000 + step), time.time(), time.time(), None
    torch.manual_seed(step)

    def save():
        state = dict(model=model.state_dict(), optimizer=optimizer.state_dict(), step=step, spent=spent)
        torch.save(state, checkpoint.with_suffix(".new"))
        checkpoint.with_suffix(".new").replace(checkpoint)

    while spent < 60 * minutes:
        rate = min(1, (step + 1) / 60)
        optimizer.set_rate(rate * (0.01 + 0.495 * (1 + math.cos(math.pi * spent / (60 * minutes)))))
        # Windows hold more contour for their cost; whole pictures teach the border.
        whole = step % 4 == 0
        pictures = vae_stage.batch_of_crops(rng, batch // 4 if whole else batch, scenes.SIDE if whole else 64)
        with torch.autocast("cpu", torch.bfloat16):
            loss, wrong, said = losses(model, pictures)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        spent += time.time() - clock
        clock = time.time()
        value = torch.stack([loss.detach(), wrong.detach(), said.detach()])
        average = value if average is None else 0.98 * average + 0.02 * value
        if step % 100 == 0:
            log(f"tiny: step {step} minute {spent / 60:.1f} loss {average[0]:.4f} "
                f"pictures {average[1]:.4f} latents {average[2]:.4f}")
        if clock - last_save > 60:
            save()
            last_save = clock
    save()
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
    torch.set_num_threads(options.threads)
    options.work.mkdir(parents=True, exist_ok=True)

    def log(line):
        print(line, flush=True)

    model = train(options.work, options.minutes, options.batch, log)
    evaluate(model, log, options.prompts)
    export.write_part(options.out, model)


if __name__ == "__main__":
    main()
