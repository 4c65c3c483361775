"""Trains the sketch model from nothing.

    train.py all                      every stage in turn
    train.py decoder --minutes 60     one stage; stop it and start it again at any time

Stages: decoder, encoder, text, latents, diffusion, guidance, export, evaluate.

Everything unfinished lives in --work (default build/train_sketch); only `export` writes the model.
"""

import argparse
import pathlib
import random
import sys
import time

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

import diffusion_stage
import export
import guidance_stage
import read_back
import scenes
import start
import text_stage
import tokenizer as tokens
import vae_stage
from pace import Pace

TOP = pathlib.Path(__file__).resolve().parents[2]
STAGES = ("decoder", "encoder", "text", "latents", "diffusion", "guidance", "export", "evaluate")


def load_vae(work):
    """Both halves of the autoencoder, each as far as it has come."""
    vae = start.straighten(AutoencoderKL(**vae_stage.CONFIG))
    for half, parts in (("encoder", ("encoder", "quant_conv")),
                        ("decoder", ("decoder", "post_quant_conv"))):
        if (work / f"{half}.pt").exists():
            state = torch.load(work / f"{half}.pt", weights_only=True)["model"]
            state = {k: v for k, v in state.items() if k.split(".")[0] in parts}
            vae.load_state_dict(state, strict=False)
    vae.register_to_config(scaling_factor=diffusion_stage.SCALING_FACTOR)
    return vae.eval()


def load_encoder(work):
    encoder = text_stage.make_encoder(tokens.QuickTokenizer.read(work / "tokenizer")._vocabulary)
    encoder.load_state_dict(torch.load(work / "text.pt", weights_only=True)["model"])
    return encoder.eval()


def load_unet(work):
    """The averaged UNet of the latest stage; an untrained one when there is no checkpoint yet."""
    unet = UNet2DConditionModel(**diffusion_stage.UNET_CONFIG)
    for name in ("guidance.pt", "diffusion.pt"):
        if (work / name).exists():
            unet.load_state_dict(torch.load(work / name, weights_only=True)["ema"])
            break
    return unet.eval()


def reconstruction_score(vae, log, count=100):
    """How well pictures can be read that have been through the autoencoder: a bound on all else.

    Once from the latents as they are defined, as the UNet will make them, once from the encoder's.
    """
    rng = random.Random(99)
    cases = [(s, scenes.render(s, scenes.place(s, rng)))
             for s in scenes.held_out_scenes(count, seed=3)]
    for name in ("decoder", "both halves"):
        error, verdicts = 0.0, []
        for scene, picture in cases:
            pixels = vae_stage.to_tensor([picture])
            with torch.no_grad():
                latents = vae_stage.code(pixels)
                if name != "decoder":
                    latents = vae.encode(pixels).latent_dist.mean
                back = vae.decode(latents).sample
            back = ((back[0].permute(1, 2, 0).clamp(-1, 1) + 1) * 127.5).round().byte().numpy()
            error += np.abs(back.astype(int) - picture).mean() / count
            verdicts.append(read_back.judge(back, scene))
        log(f"{name}: mean error {error:.2f}/255, {read_back.summary(verdicts)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stage", choices=("all",) + STAGES)
    parser.add_argument("--work", type=pathlib.Path, default=TOP / "build/train_sketch")
    parser.add_argument("--model", type=pathlib.Path, default=TOP / "examples/models/sketch")
    parser.add_argument("--minutes", type=float,
                        help="of this stage in all (decoder 60, encoder 15, diffusion 100, guidance 25)")
    parser.add_argument("--pictures", type=int, default=30000, help="scenes to encode")
    parser.add_argument("--text-steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--look-every", type=float, default=10, metavar="MINUTES",
                        help="diffusion: time between two scores; 0 is never")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=20, help="evaluate: sampling steps")
    parser.add_argument("--guidance", type=float, default=7.5)
    parser.add_argument("--sampler", choices=export.SAMPLERS, help="evaluate: only this one")
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1, help="evaluate: of the first picture")
    parser.add_argument("--colours-at-least", type=int, default=0, metavar="PERCENT")
    parser.add_argument("--shapes-at-least", type=int, default=0, metavar="PERCENT")
    options = parser.parse_args()
    work = options.work
    work.mkdir(parents=True, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    Pace.most = options.threads
    Pace()

    def log(line):
        line = time.strftime("%Y-%m-%d %H:%M:%S ") + line
        print(line, flush=True)
        with open(work / "log.txt", "a", encoding="utf-8") as file:
            file.write(line + "\n")

    def wanted(stage):
        return options.stage in ("all", stage)

    tokens.write(work / "tokenizer")
    for half, minutes in (("decoder", 60), ("encoder", 15)):
        if wanted(half):
            vae_stage.train(half, work, options.minutes or minutes, device, log)
            reconstruction_score(load_vae(work), log)
    if wanted("text"):
        text_stage.train(work, work / "tokenizer", options.text_steps, log)
    if wanted("latents"):
        diffusion_stage.draw_scenes(work, options.pictures, log)
    if wanted("diffusion"):
        encoder = load_encoder(work)
        latents = diffusion_stage.load_latents(sorted(work.glob("latents-*.pt")))
        log(f"diffusion: {len(latents[1])} scenes, standard deviation {latents[0].std():.4f}")

        def look(unet):
            export.write(work / "preview", load_vae(work), encoder, unet)
            export.evaluate(export.load(work / "preview"), log, 50, half=True)

        diffusion_stage.train(work, diffusion_stage.SCALING_FACTOR, encoder, latents,
                              options.minutes or 100, device, log,
                              look if options.look_every else None, options.batch,
                              60 * options.look_every)
    if wanted("guidance"):
        latents = diffusion_stage.load_latents(sorted(work.glob("latents-*.pt")))
        guidance_stage.train(work, diffusion_stage.SCALING_FACTOR, load_encoder(work), latents,
                             options.minutes or 25, device, log)
    if wanted("export"):
        size = export.write(options.model, load_vae(work), load_encoder(work), load_unet(work))
        log(f"export: {options.model.name}, {size / 1e6:.2f} MB")
    if wanted("evaluate"):
        pipeline = export.load(options.model)
        passed = True
        for sampler in [options.sampler] if options.sampler else export.SAMPLERS:
            keep = work / "pictures" / sampler.removesuffix("Scheduler")
            verdicts = export.evaluate(pipeline, log, options.prompts, sampler, keep=keep,
                                       steps=options.steps, guidance=options.guidance,
                                       seed=options.seed)
            passed &= 100 * sum(v["colours"] for v in verdicts) >= (
                options.colours_at_least * len(verdicts))
            passed &= 100 * sum(v["shapes"] for v in verdicts) >= (
                options.shapes_at_least * len(verdicts))
        return 0 if passed else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
