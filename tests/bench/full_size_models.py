#!/usr/bin/env python3
"""Random weights of the size of real models, under their true names: for timings and parity.

    python3 tests/bench/full_size_models.py sd15|sd21|sdxl FOLDER [--weft COMMAND]

Writes a diffusers folder FOLDER/MODEL and a single file FOLDER/MODEL.safetensors with the names of the
original checkpoints (`weft convert-model` makes it), both in f16. The scales keep activations sane. A
tokenizer is among it where examples/dependencies.sh has put CLIP's vocabulary. 2.1 GB each for sd15, 2.6
for sd21, 7 for sdxl.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys

import torch
from diffusers import AutoencoderKL, DDIMScheduler, EulerDiscreteScheduler, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "parity"))

from golden_files import generator
from layouts import clip_tokenizer
from random_models import random_values

CROSS, PLAIN = "CrossAttnDownBlock2D", "DownBlock2D"

CLIP_L = dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
              projection_dim=768, hidden_act="quick_gelu")
CLIP_H = dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=23, num_attention_heads=16,
              projection_dim=512, hidden_act="gelu")
CLIP_G = dict(hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=20,
              projection_dim=1280, hidden_act="gelu")
STEPS = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1)


def text_encoder(kind, numbers):
    return kind(CLIPTextConfig(vocab_size=49408, max_position_embeddings=77, bos_token_id=0, eos_token_id=2,
                               pad_token_id=1, **numbers))


def vae(scaling, size):
    return AutoencoderKL(block_out_channels=[128, 256, 512, 512], down_block_types=["DownEncoderBlock2D"] * 4,
                         up_block_types=["UpDecoderBlock2D"] * 4, layers_per_block=2, latent_channels=4,
                         sample_size=size, scaling_factor=scaling)


def unet(levels, **more):
    up = {CROSS: "CrossAttnUpBlock2D", PLAIN: "UpBlock2D"}
    return UNet2DConditionModel(down_block_types=levels, up_block_types=[up[kind] for kind in reversed(levels)],
                                block_out_channels=[320, 640, 1280, 1280][: len(levels)], **more)


# What each model is made of: {part: how to make its network}, its pipeline and its scheduler.
MODELS = {
    "sd15": dict(
        pipeline="StableDiffusionPipeline", pads={"tokenizer": "<|endoftext|>"},
        scheduler=lambda: DDIMScheduler(clip_sample=False, set_alpha_to_one=False, **STEPS),
        parts={"text_encoder": lambda: text_encoder(CLIPTextModel, CLIP_L), "vae": lambda: vae(0.18215, 512),
               "unet": lambda: unet([CROSS] * 3 + [PLAIN], sample_size=64, cross_attention_dim=768)}),
    "sd21": dict(
        pipeline="StableDiffusionPipeline", pads={"tokenizer": "!"},
        scheduler=lambda: DDIMScheduler(clip_sample=False, set_alpha_to_one=False,
                                        prediction_type="v_prediction", **STEPS),
        parts={"text_encoder": lambda: text_encoder(CLIPTextModel, CLIP_H), "vae": lambda: vae(0.18215, 768),
               "unet": lambda: unet([CROSS] * 3 + [PLAIN], sample_size=96, cross_attention_dim=1024,
                                    attention_head_dim=[5, 10, 20, 20], use_linear_projection=True)}),
    "sdxl": dict(
        pipeline="StableDiffusionXLPipeline", pads={"tokenizer": "<|endoftext|>", "tokenizer_2": "!"},
        scheduler=lambda: EulerDiscreteScheduler(**STEPS),
        parts={"text_encoder": lambda: text_encoder(CLIPTextModel, CLIP_L),
               "text_encoder_2": lambda: text_encoder(CLIPTextModelWithProjection, CLIP_G),
               "vae": lambda: vae(0.13025, 1024),
               "unet": lambda: unet([PLAIN, CROSS, CROSS], sample_size=128, cross_attention_dim=2048,
                                    attention_head_dim=[5, 10, 20], transformer_layers_per_block=[1, 2, 10],
                                    use_linear_projection=True, addition_embed_type="text_time",
                                    addition_time_embed_dim=256, projection_class_embeddings_input_dim=2816)}),
}


def write_part(network, folder, seed):
    """The config, and f16 weights made tensor by tensor, so that no more than they is ever held."""
    source = generator(seed)
    weights = {name: random_values(name, parameter.shape, source).half()
               for name, parameter in sorted(network.named_parameters())}
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(network, (AutoencoderKL, UNet2DConditionModel)):
        network.save_config(folder)
        save_file(weights, folder / "diffusion_pytorch_model.safetensors", metadata={"format": "pt"})
    else:
        network.config.architectures = [type(network).__name__]
        network.config.save_pretrained(folder)
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return type(network).__module__.split(".")[0], type(network).__name__


def write_model(name, folder):
    """The folder, in place of one that was there."""
    model = MODELS[name]
    shutil.rmtree(folder, ignore_errors=True)
    index = {"_class_name": model["pipeline"]}
    for seed, (part, make) in enumerate(model["parts"].items()):
        with torch.device("meta"):
            network = make()
        index[part] = write_part(network, folder / part, seed + 1)
    scheduler = model["scheduler"]()
    scheduler.save_config(folder / "scheduler")
    index["scheduler"] = ("diffusers", type(scheduler).__name__)
    vocabulary = ROOT / ".deps" / "models" / "clip_vocabulary" / "bpe_simple_vocab_16e6.txt"
    if vocabulary.exists():
        for part, pad in model["pads"].items():
            clip_tokenizer(folder / part, vocabulary, pad)
            index[part] = ("transformers", "CLIPTokenizer")
    # Last: who finds it finds the whole.
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))


def find_weft():
    built = [str(ROOT / "build" / preset / "weft") for preset in ("release", "dev")]
    return next((path for path in built if os.path.exists(path)), shutil.which("weft"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=list(MODELS))
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--weft", default=find_weft(), help="the command that writes the single file")
    options = parser.parse_args()
    if not options.weft:
        parser.error("there is no weft command: build it, or name it with --weft")
    folder = options.folder / options.model
    write_model(options.model, folder)
    subprocess.run([options.weft, "convert-model", "--layout", "single", folder,
                    str(folder) + ".safetensors"], check=True)


if __name__ == "__main__":
    main()
