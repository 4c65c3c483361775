"""Proves `weft convert-model`, and with it every layout's names, against diffusers on tiny random models.

  python tests/parity/layouts.py --weft build/dev/weft [--keep FOLDER] [family …]

For each family: diffusers writes a folder; weft makes it a single file; diffusers reads that with
from_single_file, and every tensor and output must be what it was; weft makes a folder of the single file again;
diffusers loads that with from_pretrained, and tensors, outputs and text ids must be what they were.
Then files spoilt or enriched as real ones are (training's leftovers, moving averages, a UNet alone) are
inspected. Each check is one line; exit code 0 only if all passed, 77 where PyTorch is not installed.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
try:
    import torch
    from diffusers import (AutoencoderKL, DDIMScheduler, DDPMScheduler, DiffusionPipeline, EulerDiscreteScheduler,
                           StableDiffusionInpaintPipeline, StableDiffusionInstructPix2PixPipeline, StableDiffusionPipeline,
                           StableDiffusionUpscalePipeline, StableDiffusionXLImg2ImgPipeline, StableDiffusionXLPipeline,
                           UNet2DConditionModel)
    from safetensors.torch import load_file, save_file
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer
except ImportError as missing:
    print(f"layouts skipped: {missing}")
    sys.exit(77)

import random_models

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = dict(vocab_size=49408, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=1,
            max_position_embeddings=77, bos_token_id=0, eos_token_id=2, pad_token_id=1, projection_dim=64)
CROSS, PLAIN = ("CrossAttnDownBlock2D", "CrossAttnUpBlock2D"), ("DownBlock2D", "UpBlock2D")


def text_encoder(seed, act="quick_gelu", projection=False, width=64):
    config = CLIPTextConfig(**{**TEXT, "hidden_act": act, "hidden_size": width, "num_attention_heads": width // 64,
                               "projection_dim": width})
    kind = CLIPTextModelWithProjection if projection else CLIPTextModel
    return random_models.random_weights(kind(config), seed)


def unet(seed, kinds, heads, context=64, **more):
    channels = [64, 64, 128][: len(kinds)]
    return random_models.random_weights(UNet2DConditionModel(
        sample_size=8, in_channels=more.pop("in_channels", 4), out_channels=4, block_out_channels=channels,
        down_block_types=[kind[0] for kind in kinds], up_block_types=[kind[1] for kind in reversed(kinds)],
        layers_per_block=2, cross_attention_dim=context, attention_head_dim=heads, norm_num_groups=32, **more), seed)


def vae(seed, scaling, **more):
    levels = 3
    return random_models.random_weights(AutoencoderKL(
        block_out_channels=[32, 32, 64], down_block_types=["DownEncoderBlock2D"] * levels,
        up_block_types=["UpDecoderBlock2D"] * levels, layers_per_block=2, latent_channels=4, norm_num_groups=32,
        sample_size=64, scaling_factor=scaling, **more), seed)


def ddim(prediction="epsilon"):
    return DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
                         set_alpha_to_one=False, steps_offset=1, prediction_type=prediction)


def stable_diffusion(tokenizer, version, in_channels=4, kind=StableDiffusionPipeline, prediction="epsilon", **more):
    two = version == 2
    kinds = [CROSS, CROSS, PLAIN]
    return kind(
        vae=vae(1, 0.18215), text_encoder=text_encoder(2, "gelu" if two else "quick_gelu"), tokenizer=tokenizer,
        unet=unet(3, kinds, [1, 1, 2] if two else 8, in_channels=in_channels, use_linear_projection=two,
                  **more),
        scheduler=ddim(prediction), safety_checker=None, feature_extractor=None, requires_safety_checker=False)


def upscaler(tokenizer):
    """The x4 upscaler: a class for the noise level, and levels that attend to the text alone."""
    return StableDiffusionUpscalePipeline(
        vae=vae(1, 0.08333), text_encoder=text_encoder(2, "gelu", width=192), tokenizer=tokenizer,
        unet=unet(3, [PLAIN, CROSS, CROSS], 8, context=192, in_channels=7, use_linear_projection=True,
                  num_class_embeds=1000, only_cross_attention=[True, True, False]),
        low_res_scheduler=DDPMScheduler(beta_start=0.0001, beta_end=0.02, beta_schedule="scaled_linear"),
        scheduler=ddim("v_prediction"), max_noise_level=350)


def stable_diffusion_xl(tokenizer, second_tokenizer, layers=(1, 2, 3), refiner=False):
    second = text_encoder(5, "gelu", projection=True, width=128)
    more = dict(addition_embed_type="text_time", addition_time_embed_dim=256, use_linear_projection=True,
                projection_class_embeddings_input_dim=128 + (5 if refiner else 6) * 256,
                transformer_layers_per_block=list(layers))
    parts = dict(vae=vae(1, 0.13025), text_encoder_2=second, tokenizer_2=second_tokenizer,
                 unet=unet(3, [PLAIN, CROSS, CROSS], [1, 1, 2], context=128 if refiner else 192, **more),
                 scheduler=EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
                                                  steps_offset=1))
    if refiner:
        return StableDiffusionXLImg2ImgPipeline(text_encoder=None, tokenizer=None, requires_aesthetics_score=True, **parts)
    return StableDiffusionXLPipeline(text_encoder=text_encoder(4), tokenizer=tokenizer, **parts)


class Checks:
    def __init__(self, weft):
        self.weft, self.passed, self.failed = weft, 0, 0

    def line(self, good, name, said=""):
        self.passed += bool(good)
        self.failed += not good
        print(f"{'pass' if good else 'FAIL'} {name}{': ' + said if said else ''}", flush=True)
        return good

    def run(self, *arguments):
        return subprocess.run([self.weft, *map(str, arguments)], capture_output=True, text=True, timeout=300)


# Not told by tensors, and of no weight: what pictures a model was trained on, and f16's workarounds.
UNTOLD = {"sample_size", "upcast_attention", "force_upcast", "dtype", "torch_dtype", "transformers_version", "pad_token_id",
          "id2label", "label2id", "bos_token_id", "architectures"}


def other_settings(expected, actual, parts):
    """What two pipelines' configurations do not agree in."""
    def plain(value):
        value = list(value) if isinstance(value, (list, tuple)) else value
        return value[0] if isinstance(value, list) and len(set(map(str, value))) == 1 else value
    wrong = []
    for part in parts:
        one, other = getattr(expected, part), getattr(actual, part)
        if one is None or other is None:
            continue
        one, other = (dict(it.config) if hasattr(it, "config_name") and not hasattr(it.config, "to_dict")
                      else it.config.to_dict() for it in (one, other))
        for config in (one, other):  # a level without attention has as many transformers as one likes
            layers, kinds = config.get("transformer_layers_per_block"), config.get("down_block_types")
            if isinstance(layers, (list, tuple)):
                config["transformer_layers_per_block"] = [it for it, kind in zip(layers, kinds) if "Cross" in kind]
        wrong += [f"{part}.{key}: {one[key]} became {other.get(key)}" for key in one
                  if not key.startswith("_") and key not in UNTOLD and plain(one[key]) != plain(other.get(key))]
    if expected.scheduler.config.prediction_type != actual.scheduler.config.prediction_type:
        wrong.append("scheduler.prediction_type")
    return wrong


def differences(expected, actual, parts):
    """What is not the same in two pipelines, by tensor."""
    wrong = []
    for part in parts:
        one, other = getattr(expected, part), getattr(actual, part)
        if (one is None) != (other is None):
            wrong.append(f"{part} is {'there' if one is None else 'missing'}")
        if one is None or other is None:
            continue
        theirs, ours = one.state_dict(), other.state_dict()
        wrong += [f"{part}.{name}" for name in theirs.keys() ^ ours.keys()]
        wrong += [f"{part}.{name}" for name in theirs.keys() & ours.keys()
                  if theirs[name].shape != ours[name].shape or not torch.equal(theirs[name], ours[name])]
    return wrong


def outputs(pipeline):
    """What every network makes of the same noise, tokens and sizes."""
    made = []
    draw = torch.Generator().manual_seed(4)
    normal = lambda *shape: torch.randn(shape, generator=draw)
    unet = pipeline.unet
    more = {}
    if unet.config.time_cond_proj_dim:
        more["timestep_cond"] = normal(1, unet.config.time_cond_proj_dim)
    if unet.config.addition_embed_type:
        sizes = 5 if type(pipeline) is StableDiffusionXLImg2ImgPipeline else 6
        pooled = unet.config.projection_class_embeddings_input_dim - sizes * unet.config.addition_time_embed_dim
        more["added_cond_kwargs"] = {"text_embeds": normal(1, pooled), "time_ids": 64 * torch.ones(1, sizes)}
    if unet.config.num_class_embeds:
        more["class_labels"] = torch.tensor([20])
    made.append(unet(normal(1, unet.config.in_channels, 8, 8), 500, normal(1, 77, unet.config.cross_attention_dim), **more).sample)
    made.append(pipeline.vae.decode(normal(1, 4, 8, 8)).sample)
    made.append(pipeline.vae.encode(normal(1, 3, 64, 64)).latent_dist.mean)
    for which in ("", "_2"):
        encoder, tokenizer = getattr(pipeline, f"text_encoder{which}", None), getattr(pipeline, f"tokenizer{which}", None)
        if encoder is not None:
            ids = tokenizer(["a cat on a mat"], padding="max_length", return_tensors="pt").input_ids
            said = encoder(ids, output_hidden_states=True)
            made += [said[0], said.hidden_states[-2]]
    return made


def same_outputs(one, other):
    """Equal but for what PyTorch's sums owe to where in memory a weight lies."""
    pairs = zip(outputs(one), outputs(other), strict=True)
    return all((ours - theirs).abs().max() <= 1e-5 * theirs.abs().max() for ours, theirs in pairs)


def check_family(checks, name, pipeline, root):
    folder = root / name
    pipeline.save_pretrained(folder)
    parts = [part for part in ("unet", "vae", "text_encoder", "text_encoder_2") if hasattr(pipeline, part)]
    single, back = root / f"{name}.safetensors", root / f"{name}_back"
    done = checks.run("convert-model", folder, single)
    if not checks.line(done.returncode == 0, f"{name} folder to single file", done.stderr.strip()):
        return
    if name != "lcm":  # diffusers has no name in a single file for time_embedding.cond_proj, and fails
        read = type(pipeline).from_single_file(str(single), config=str(folder), local_files_only=True,
                                               torch_dtype=torch.float32)
        wrong = differences(pipeline, read, parts)
        checks.line(not wrong, f"{name} from_single_file reads it", ", ".join(wrong[:4]))
        checks.line(same_outputs(pipeline, read), f"{name} from_single_file gives the same outputs")
    done = checks.run("convert-model", single, back)
    if not checks.line(done.returncode == 0, f"{name} single file to folder", done.stderr.strip()):
        return
    loaded = type(pipeline).from_pretrained(back)
    wrong = differences(pipeline, loaded, parts)
    checks.line(not wrong, f"{name} from_pretrained reads it", ", ".join(wrong[:4]))
    checks.line(same_outputs(pipeline, loaded), f"{name} from_pretrained gives the same outputs")
    for which in ("tokenizer", "tokenizer_2"):
        ours, theirs = getattr(loaded, which, None), getattr(pipeline, which, None)
        if theirs is None:
            continue
        words = ["a cat!", "", "Ünïcode 123 <|endoftext|>, it's", "photo of a tiny astronaut"]
        checks.line(all(ours(w, padding="max_length").input_ids == theirs(w, padding="max_length").input_ids for w in words),
                    f"{name} {which} gives the same ids")
    wrong = other_settings(pipeline, loaded, parts)
    checks.line(not wrong, f"{name} configuration told by the tensors", "; ".join(wrong))
    if name != "depth":  # whose class wants an estimator of depth, which weft's folder does not have
        published = DiffusionPipeline.from_pretrained(back)
        checks.line(isinstance(published, type(pipeline)), f"{name} loads as {type(published).__name__}")
    said = json.loads(checks.run("inspect", "--json", single).stdout)
    clean = not said["unused"] and all("wrong" not in part and not part["unused"] for part in said["parts"].values())
    checks.line(clean, f"{name} inspect finds nothing missing or unused", said["family"])
    leftovers(checks, name, single, root)
    half = root / f"{name}_half.safetensors"
    checks.run("convert-model", single, half, "--dtype", "f16")
    whole = load_file(single)
    checks.line(all(torch.equal(whole[key].half(), value) for key, value in load_file(half).items()), f"{name} in f16")
    packed, again = root / f"{name}.safetensors.zst", root / f"{name}_again.safetensors"
    checks.run("convert-model", single, packed, "--dtype", "bf16", "--zstd")
    checks.run("convert-model", packed, again)
    checks.line(all(torch.equal(whole[key].bfloat16(), value) for key, value in load_file(again).items() if value.is_floating_point()),
                f"{name} in bf16 and zstd, and back")


def leftovers(checks, name, single, root):
    tensors = load_file(single)
    more = {key: value.clone() for key, value in tensors.items()}
    more["model_ema.diffusion_modelinput_blocks00weight"] = torch.zeros(3)
    more["alphas_cumprod"] = torch.zeros(1000)
    more["model.diffusion_model.input_blocks.99.0.bias"] = torch.zeros(2)
    path = root / f"{name}_leftovers.safetensors"
    save_file(more, path)
    said = json.loads(checks.run("inspect", "--json", path).stdout)
    marks = tensors.keys() & {"v_pred", "ztsnr", "global_step", "edm_mean", "edm_std"}
    checks.line(said["set_aside"] == 2 + len(marks) and said["unused"] == ["model.diffusion_model.input_blocks.99.0.bias"],
                f"{name} leftovers are told apart from what is unknown", str(said["unused"]))
    gone = {key: value for key, value in tensors.items() if not key.endswith("middle_block.1.proj_in.weight")}
    save_file(gone, path)
    said = json.loads(checks.run("inspect", "--json", path).stdout)
    checks.line("mid_block.attentions.0.proj_in.weight" in said["parts"]["unet"].get("wrong", ""),
                f"{name} a missing tensor is named")
    prefix = "model.diffusion_model."
    save_file({key[len(prefix):]: value for key, value in tensors.items() if key.startswith(prefix)}, path)
    said = json.loads(checks.run("inspect", "--json", path).stdout)
    checks.line(said["kind"] == "unet" and "wrong" not in said["parts"]["unet"], f"{name} a UNet alone", said["family"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weft", default=str(ROOT / "build/dev/weft"))
    parser.add_argument("--keep", help="a folder to leave the models in")
    parser.add_argument("families", nargs="*")
    arguments = parser.parse_args()
    weft = str(pathlib.Path(arguments.weft).resolve())
    checks = Checks(weft)
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        root = pathlib.Path(arguments.keep or scratch)
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        vocabulary = ROOT / ".deps/models/clip_vocabulary/bpe_simple_vocab_16e6.txt"
        tokenizer, second = clip_tokenizer(root / "t1", vocabulary, "<|endoftext|>"), clip_tokenizer(root / "t2", vocabulary, "!")
        families = {
            "sd1": lambda: stable_diffusion(tokenizer, 1),
            "sd1_inpaint": lambda: stable_diffusion(tokenizer, 1, 9, StableDiffusionInpaintPipeline),
            "pix2pix": lambda: stable_diffusion(tokenizer, 1, 8, StableDiffusionInstructPix2PixPipeline),
            "lcm": lambda: stable_diffusion(tokenizer, 1, time_cond_proj_dim=32),
            "sd2": lambda: stable_diffusion(second, 2),
            "sd2_v": lambda: stable_diffusion(second, 2, prediction="v_prediction"),
            "sd2_inpaint": lambda: stable_diffusion(second, 2, 9, StableDiffusionInpaintPipeline),
            "depth": lambda: stable_diffusion(second, 2, 5),  # without its estimator of depth
            "upscaler": lambda: upscaler(second), "sdxl": lambda: stable_diffusion_xl(tokenizer, second),
            "pruned_sdxl": lambda: stable_diffusion_xl(tokenizer, second, layers=(1, 1, 2)),
            "sdxl_refiner": lambda: stable_diffusion_xl(tokenizer, second, layers=(2, 2, 2), refiner=True)}
        for name, build in families.items():
            if not arguments.families or name in arguments.families:
                torch.manual_seed(0)
                check_family(checks, name, build(), root)
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed or not checks.passed else 0


def clip_tokenizer(folder, vocabulary, pad):
    """CLIP's tokenizer in transformers' format, made from the list of merges by its own rules."""
    folder.mkdir()
    printing = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    letters = [chr(byte) for byte in printing] + [chr(256 + i) for i in range(256 - len(printing))]
    merges = vocabulary.read_text(encoding="utf-8").split("\n")[1:49152 - 256 - 2 + 1]
    tokens = letters + [letter + "</w>" for letter in letters] + ["".join(merge.split()) for merge in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    return CLIPTokenizer.from_pretrained(_configured(folder, pad))


def _configured(folder, pad):
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": pad, "bos_token": "<|startoftext|>",
         "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}), encoding="utf-8")
    return folder


if __name__ == "__main__":
    sys.exit(main())
