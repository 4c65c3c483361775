"""A LoRA for the sketch model: night, when every shape is a star and paper is black.

    lora_stage.py --minutes 9

The sketch model knows stars and black backgrounds, so it is its own teacher: told "a red star left
of a blue star on a black background" it shows what the same network, with the LoRA, shall answer to
"a red circle left of a blue square". Pictures to learn on come from noised scenes and from the
student's own guided drawing, as in guidance_stage.py. Stop it and start it again at any time. Needs
what train.py needs, and peft.
"""

import argparse
import copy
import dataclasses
import pathlib
import random

import torch
from diffusers import StableDiffusionPipeline
from diffusers.models.attention_processor import AttnProcessor
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict

import diffusion_stage
import export
import read_back
import scenes
import tokenizer as tokens
import vae_stage
from pace import Pace
from rollouts import Rollouts
from training import Training

TOP = pathlib.Path(__file__).resolve().parents[2]
RANK = 6
LAYERS = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out"]
SCALE = 7.5  # of guidance, at which the guided answers are compared
GUIDED_WEIGHT = 0.1


def at_night(scene):
    """What the LoRA makes of a scene. Black things would not be seen: they become white."""
    background = scene.background or "black"
    things = tuple(dataclasses.replace(t, shape="star",
                                       colour="white" if t.colour == background == "black" else t.colour)
                   for t in scene.things)
    return scenes.Scene(things, scene.axis, background)


def draw_scenes(count):
    """(scenes by day, latents of them by night)."""
    rng, by_day, codes = random.Random(42), [], []
    for _ in range(count):
        scene = scenes.sample_scene(rng)
        night = at_night(scene)
        picture = scenes.render(night, scenes.place(night, rng))
        by_day.append(scene)
        codes.append(vae_stage.code(vae_stage.to_tensor([picture])))
    return by_day, torch.cat(codes) * diffusion_stage.SCALING_FACTOR


def guide(unconditional, conditional):
    return unconditional + SCALE * (conditional - unconditional)


def train(pipeline, folder, minutes, count, batch, log):
    """Trains the adapter "night" of pipeline.unet and leaves its average there."""
    by_day, codes = draw_scenes(count)
    unet, encoder, tokenizer = pipeline.unet, pipeline.text_encoder, pipeline.tokenizer
    unet.set_attn_processor(AttnProcessor())
    unet.requires_grad_(False)
    torch.manual_seed(1)
    unet.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=LAYERS), "night")
    learned = [p for p in unet.parameters() if p.requires_grad]
    average = copy.deepcopy(unet)
    optimizer = torch.optim.Adam([dict(params=learned, base=3e-3)], betas=(0.9, 0.99))
    training = Training("lora", folder, minutes, unet, optimizer, log, average=average, keep=0.99,
                        warm_up=30)
    alphas, rng = diffusion_stage.alphas_cumulative(), training.rng
    rollouts = Rollouts(batch, alphas, codes)

    def encode(texts):
        return encoder(tokenizer(texts, padding="max_length", max_length=tokens.LENGTH,
                                 truncation=True, return_tensors="pt").input_ids).last_hidden_state

    for _ in training.steps():
        pick = torch.randint(0, len(by_day), (batch,))
        times = (1000 * ((torch.randperm(batch) + torch.rand(batch)) / batch).sqrt()).long().clamp(max=999)
        level = alphas[times][:, None, None, None]
        noised = level.sqrt() * codes[pick] + (1 - level).sqrt() * torch.randn_like(codes[pick])
        drawn, drawn_times, _ = rollouts.batch()
        latent, times = torch.cat([noised, drawn] * 2), torch.cat([times, drawn_times] * 2)
        shown = [by_day[k] for k in [*pick.tolist(), *rollouts.scenes.tolist()]]
        empty = [""] * len(shown)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                hidden = encode([scenes.caption(s, rng) for s in shown] + empty)
                wanted = encode([scenes.caption(at_night(s), rng) for s in shown] + empty)
                unet.disable_adapters()
                known, known_empty = unet(latent, times, wanted).sample.float().chunk(2)
                unet.enable_adapters()
            said, said_empty = unet(latent, times, hidden).sample.float().chunk(2)
        guided = guide(said_empty, said) - guide(known_empty, known)
        loss = ((said - known).square().mean() + (said_empty - known_empty).square().mean()
                + GUIDED_WEIGHT * guided.square().mean())
        rollouts.advance(said[batch:].detach(), said_empty[batch:].detach())
        training.learn(loss)
    with torch.no_grad():
        for parameter, mean in zip(unet.parameters(), average.parameters()):
            if parameter.requires_grad:
                parameter.copy_(mean.half())


def save(pipeline, path):
    state = {name: tensor.half() for name, tensor in
             get_peft_model_state_dict(pipeline.unet, adapter_name="night").items()}
    StableDiffusionPipeline.save_lora_weights(
        path.parent, unet_lora_layers=convert_state_dict_to_diffusers(state), weight_name=path.name)
    path.chmod(0o644)


def evaluate(pipeline, log, count):
    """Held-out prompts, read back as the scenes that night should make of them."""
    held_out = scenes.held_out_scenes(count)
    pictures = export.draw(pipeline, [scenes.caption(s) for s in held_out])
    log(read_back.summary([read_back.judge(p, at_night(s)) for p, s in zip(pictures, held_out)]))
    return pictures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=pathlib.Path, default=TOP / "build/train_sketch")
    parser.add_argument("--model", type=pathlib.Path, default=TOP / "examples/models/sketch")
    parser.add_argument("--out", type=pathlib.Path, default=TOP / "examples/models/sketch_night.safetensors")
    parser.add_argument("--minutes", type=float, default=9, help="in all, over any number of calls")
    parser.add_argument("--scenes", type=int, default=1200)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--prompts", type=int, default=25, help="held-out ones to draw at the end")
    parser.add_argument("--sheet", type=pathlib.Path, help="where to put a picture of those")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    Pace.most = options.threads
    options.work.mkdir(parents=True, exist_ok=True)
    pipeline = export.load(options.model)

    def log(line):
        print(line, flush=True)

    train(pipeline, options.work, options.minutes, options.scenes, options.batch, log)
    save(pipeline, options.out)
    log(f"lora: {options.out.name}, {options.out.stat().st_size / 1e3:.0f} kB")
    pictures = evaluate(pipeline, log, options.prompts)
    if options.sheet:
        export.sheet(pictures, 5).save(options.sheet)


if __name__ == "__main__":
    main()
