"""Writes the model as a folder that diffusers and weft read, and judges such a folder."""

import copy
import json
import pathlib
import tempfile

import numpy as np
import torch
import zstandard
from PIL import Image

import diffusion_stage
import read_back
import scenes
import tokenizer as tokens

SAMPLERS = ("EulerAncestralDiscreteScheduler", "EulerDiscreteScheduler", "DDIMScheduler",
            "DPMSolverMultistepScheduler")


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def write_part(folder, model):
    """bf16 weights, compressed; the config is the one that the library writes."""
    copy.deepcopy(model).to("cpu", torch.bfloat16).save_pretrained(folder, safe_serialization=True)
    for plain in folder.glob("*.safetensors"):
        packed = zstandard.ZstdCompressor(level=19).compress(plain.read_bytes())
        plain.with_name(plain.name + ".zst").write_bytes(packed)
        plain.unlink()
    config = json.loads((folder / "config.json").read_text())
    config.pop("_name_or_path", None)
    write_json(folder / "config.json", config)


def write(folder, vae, encoder, unet):
    """The folder of a whole model."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, model in (("vae", vae), ("text_encoder", encoder), ("unet", unet)):
        write_part(folder / name, model)
    tokens.write(folder / "tokenizer")
    (folder / "scheduler").mkdir(exist_ok=True)
    write_json(folder / "scheduler/scheduler_config.json", diffusion_stage.SCHEDULER_CONFIG)
    write_json(folder / "model_index.json", {
        "_class_name": "StableDiffusionPipeline",
        "feature_extractor": [None, None],
        "image_encoder": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        "scheduler": ["diffusers", diffusion_stage.SCHEDULER_CONFIG["_class_name"]],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    })
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def load(folder):
    """A plain diffusers pipeline from an exported folder, in f32."""
    from diffusers import StableDiffusionPipeline

    with tempfile.TemporaryDirectory() as place:
        for path in folder.rglob("*"):
            if not path.is_file():
                continue
            target = pathlib.Path(place) / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".zst":
                target = target.with_suffix("")
                target.write_bytes(zstandard.ZstdDecompressor().decompress(path.read_bytes()))
            else:
                target.write_bytes(path.read_bytes())
        pipeline = StableDiffusionPipeline.from_pretrained(place, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def draw(pipeline, prompts, sampler=SAMPLERS[0], steps=20, guidance=7.5, seed=1, batch=25,
         half=False):
    """uint8 pictures; the k-th prompt gets the seed `seed + k`."""
    import diffusers

    pipeline.scheduler = getattr(diffusers, sampler).from_config(pipeline.scheduler.config)
    pictures = []
    for at in range(0, len(prompts), batch):
        part = prompts[at : at + batch]
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            made = pipeline(
                part, width=scenes.SIDE, height=scenes.SIDE, num_inference_steps=steps,
                guidance_scale=guidance, output_type="np",
                generator=[torch.Generator().manual_seed(seed + at + k) for k in range(len(part))],
            ).images
        pictures += [(p * 255).round().astype(np.uint8) for p in made]
    return pictures


def evaluate(pipeline, log, count=100, sampler=SAMPLERS[0], keep=None, **choices):
    """The held-out score of one sampler; pictures and prompts.txt go to `keep`."""
    held_out = scenes.held_out_scenes(count)
    prompts = [scenes.caption(s) for s in held_out]
    pictures = draw(pipeline, prompts, sampler, **choices)
    verdicts = [read_back.judge(p, s) for p, s in zip(pictures, held_out)]
    log(f"{sampler.removesuffix('Scheduler')}: {read_back.summary(verdicts)}")
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        for k, picture in enumerate(pictures):
            Image.fromarray(picture).save(keep / f"{k:03d}.png")
        lines = [f"{k:03d}.png\t{p}" for k, p in enumerate(prompts)]
        (keep / "prompts.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return verdicts


def sheet(pictures, columns=10):
    """Many pictures in one."""
    pictures = list(pictures)
    while len(pictures) % columns:
        pictures.append(np.full_like(pictures[0], 255))
    rows = [np.concatenate(pictures[k : k + columns], 1)
            for k in range(0, len(pictures), columns)]
    return Image.fromarray(np.concatenate(rows))
