"""Files written by other programs, read by weft: on tiny random models, against what the programs read.

  python tests/parity/interop.py --weft build/dev/weft [--scripts FOLDER] [--keep FOLDER] [part …]

scripts: what diffusers' own scripts/convert_diffusers_to_original_*.py make of its folders; they are not
in its package, so --scripts names where they are (skipped without). folders: every way in which
save_pretrained stores weights. ckpt: torch.save's files, new and old, with training's leftovers. gguf:
UNets of the gguf package, in blocks of each type. After weft has made a folder of each, every tensor must
be what the writer stored. Each check is one line; exit code 0 only if all passed, 77 without PyTorch.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
try:
    import gguf
    import numpy
    import torch
    from diffusers import DiffusionPipeline, UNet2DConditionModel
    from safetensors.torch import load_file, save_file
except ImportError as missing:
    print(f"interop skipped: {missing}")
    sys.exit(77)

import layouts
import weft_graphs
import weight_file_goldens
from golden_files import generator, write_safetensors
from random_models import random_weights

PARTS = ("unet", "vae", "text_encoder", "text_encoder_2")


def four_levels(pipeline):
    """diffusers' scripts know networks of four levels with two resnets each, and SD 2's 23 layers of text."""
    import diffusers
    unet, vae = dict(pipeline.unet.config), dict(pipeline.vae.config)
    if not hasattr(pipeline, "text_encoder_2"):
        unet |= dict(block_out_channels=[64, 64, 128, 128],
                     down_block_types=["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
                     up_block_types=["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
                     attention_head_dim=[1, 1, 2, 2] if unet["use_linear_projection"] else 8)
        pipeline.unet = random_weights(UNet2DConditionModel(**plain(unet)), 3)
    vae |= dict(block_out_channels=[32, 32, 64, 64], down_block_types=["DownEncoderBlock2D"] * 4,
                up_block_types=["UpDecoderBlock2D"] * 4)
    pipeline.vae = random_weights(diffusers.AutoencoderKL(**plain(vae)), 1)
    return pipeline


def plain(config):
    return {key: value for key, value in config.items() if not key.startswith("_")}


def deep_text(pipeline):
    config = pipeline.text_encoder.config
    config.num_hidden_layers = 23
    pipeline.text_encoder = random_weights(type(pipeline.text_encoder)(config), 2)
    return pipeline


def same_tensors(checks, name, pipeline, path, cast=lambda tensor: tensor):
    """Whether what weft makes of the file has every tensor as the writer stored it, and knows all."""
    back = path.parent / f"{path.name.replace('.', '_')}_back"
    done = checks.run("convert-model", path, back)
    if not checks.line(done.returncode == 0, f"{name} is read", done.stderr.strip()):
        return
    loaded = DiffusionPipeline.from_pretrained(back)
    wrong = []
    for part in PARTS:
        ours, theirs = getattr(loaded, part, None), getattr(pipeline, part, None)
        if (ours is None) != (theirs is None):
            wrong.append(part)
        if ours is None or theirs is None:
            continue
        ours, theirs = ours.state_dict(), theirs.state_dict()
        wrong += [f"{part}.{key}" for key in ours.keys() ^ theirs.keys()]
        wrong += [f"{part}.{key}" for key in ours.keys() & theirs.keys() if not torch.equal(ours[key], cast(theirs[key]))]
    checks.line(not wrong, f"{name}: every tensor is the same", ", ".join(wrong[:4]))
    wrong = layouts.other_settings(pipeline, loaded, [part for part in PARTS if hasattr(pipeline, part)])
    checks.line(not wrong, f"{name}: configuration", "; ".join(wrong))
    said = json.loads(checks.run("inspect", "--json", path).stdout)
    unused = said["unused"] + [key for part in said["parts"].values() for key in part["unused"]]
    checks.line(not unused, f"{name}: nothing unused", ", ".join(unused[:4]))


def prefixed_text(folder, pipeline):
    """The text encoders as transformers 4 wrote them, for which the scripts were made."""
    for part in ("text_encoder", "text_encoder_2"):
        path = folder / part / "model.safetensors"
        if path.exists():
            save_file({key if key.startswith(("text_model.", "text_projection")) else f"text_model.{key}": value
                       for key, value in load_file(path).items()}, path, {"format": "pt"})


def check_scripts(checks, root, tokenizers, scripts):
    if not scripts:
        print("skip scripts: --scripts does not say where they are")
        return
    first, second = tokenizers
    families = {
        "sd1": (lambda: four_levels(layouts.stable_diffusion(first, 1)), "stable_diffusion", True),
        "sd1 of transformers 5": (lambda: four_levels(layouts.stable_diffusion(first, 1)), "stable_diffusion", False),
        "sd2": (lambda: deep_text(four_levels(layouts.stable_diffusion(second, 2, prediction="v_prediction"))),
                "stable_diffusion", True),
        "sdxl": (lambda: four_levels(layouts.stable_diffusion_xl(first, second)), "sdxl", True),
    }
    for name, (build, script, prefix) in families.items():
        pipeline, folder = build(), root / f"scripts {name}"
        pipeline.save_pretrained(folder)
        if prefix:
            prefixed_text(folder, pipeline)
        for ending, options in (("safetensors", ["--use_safetensors"]), ("ckpt", []), ("half.safetensors", ["--use_safetensors", "--half"])):
            path = root / f"scripts {name}.{ending}"
            subprocess.run([sys.executable, scripts / f"convert_diffusers_to_original_{script}.py", "--model_path", folder,
                            "--checkpoint_path", path, *options], check=True, stdout=subprocess.DEVNULL)
            cast = (lambda tensor: tensor.half().float()) if "half" in ending else (lambda tensor: tensor)
            same_tensors(checks, f"scripts {path.name}", pipeline, path, cast)


def check_folders(checks, root, tokenizers):
    pipeline = layouts.stable_diffusion_xl(*tokenizers)
    ways = {"safetensors": {}, "bin": dict(safe_serialization=False), "shards": dict(max_shard_size="400KB"),
            "bin_shards": dict(safe_serialization=False, max_shard_size="400KB"), "fp16": dict(variant="fp16"),
            "fp16_shards": dict(variant="fp16", max_shard_size="400KB")}
    for way, options in ways.items():
        folder = root / f"folder_{way}"
        pipeline.save_pretrained(folder, **options)
        same_tensors(checks, f"folder {way}", pipeline, folder)


def check_ckpt(checks, root, tokenizers):
    pipeline = layouts.stable_diffusion(tokenizers[0], 1)
    folder, single = root / "ckpt_folder", root / "ckpt.safetensors"
    pipeline.save_pretrained(folder)
    checks.line(checks.run("convert-model", folder, single).returncode == 0, "ckpt: weft writes the names")
    tensors = load_file(single)
    whole = {**weight_file_goldens.lightning(), "state_dict": tensors}
    for name, value, new in (("lightning.ckpt", whole, True), ("lightning_legacy.ckpt", whole, False),
                             ("bare.pt", tensors, True), ("half.ckpt", {"state_dict": {k: v.half() for k, v in tensors.items()}}, True)):
        torch.save(value, root / name, _use_new_zipfile_serialization=new)
        cast = (lambda tensor: tensor.half().float()) if "half" in name else (lambda tensor: tensor)
        same_tensors(checks, name, pipeline, root / name, cast)


# What a block of random bytes comes to, about, for a scale of 1.
K_REACH = {"Q4_K": 256.0, "Q5_K": 512.0, "Q6_K": 1000.0}


def quantized(tensor, kind, random):
    """(what the file holds, the numbers it stands for); K blocks are made of bytes, as the package only reads them."""
    array = tensor.numpy()
    if kind.name not in K_REACH:
        stored = array.astype(numpy.float16) if kind.name == "F16" else gguf.quantize(array, kind)
        return stored, gguf.dequantize(stored, kind).astype(numpy.float32)
    blocks = weight_file_goldens.k_blocks(random, kind, array.size // 256)
    scale = numpy.float16(array.std() / K_REACH[kind.name])
    for at in weight_file_goldens.K_SCALES[kind]:
        blocks[:, at:at + 2] = numpy.frombuffer(scale.tobytes(), numpy.uint8)
    return blocks, gguf.dequantize(blocks, kind).reshape(array.shape)


def check_gguf(checks, root, tokenizers):
    network = layouts.stable_diffusion(tokenizers[0], 1).unet
    network.save_pretrained(root / "gguf_unet")
    single = root / "gguf_names.safetensors"
    checks.line(checks.run("convert-model", root / "gguf_unet", single).returncode == 0, "gguf: weft writes the names")
    prefix = "model.diffusion_model."
    original = {key.removeprefix(prefix): value for key, value in load_file(single).items()}
    random = numpy.random.default_rng(5)
    draw = generator(11)
    latent, text = torch.randn(1, 4, 8, 8, generator=draw), torch.randn(1, 77, 64, generator=draw)
    write_safetensors(root / "inputs.safetensors", {"latent": latent, "positive": text, "negative": text})
    for kind in (gguf.GGMLQuantizationType[name] for name in
                 ("F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K")):
        folder = root / kind.name
        folder.mkdir()
        path, stands_for = folder / "unet.gguf", {}
        writer = gguf.GGUFWriter(path, "sd1")
        for key, tensor in original.items():
            # Small ones stay as they are, as programs that write such files leave them.
            width = gguf.GGML_QUANT_SIZES[kind][0]
            if tensor.dim() < 2 or tensor.numel() % width or tensor.numel() < 1024:
                writer.add_tensor(key, tensor.numpy())
                stands_for[prefix + key] = tensor
                continue
            rows = tensor if tensor.shape[-1] % width == 0 else tensor.reshape(-1, width)
            stored, numbers = quantized(rows, kind, random)
            if kind.name in K_REACH:
                stored = stored.reshape(*rows.shape[:-1], -1)
            if rows is not tensor:
                writer.add_array(f"comfy.gguf.orig_shape.{key}", list(tensor.shape))
            raw = stored if stored.dtype == numpy.float16 else stored.view(numpy.uint8)
            writer.add_tensor(key, raw, raw_dtype=kind)
            stands_for[prefix + key] = torch.from_numpy(numpy.ascontiguousarray(numbers)).reshape(tensor.shape)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        back = folder / "back.safetensors"
        done = checks.run("convert-model", path, back, "--dtype", "f32")
        checks.line(done.returncode == 0, f"gguf {kind.name} is read", done.stderr.strip())
        read = load_file(back)
        wrong = sorted(read.keys() ^ stands_for.keys()) + [key for key in read.keys() & stands_for.keys()
                                                           if not torch.equal(read[key], stands_for[key].float())]
        checks.line(not wrong, f"gguf {kind.name}: every tensor is the same", ", ".join(wrong[:4]))
        reference = UNet2DConditionModel.from_pretrained(root / "gguf_unet")
        save_file(stands_for, folder / "numbers.safetensors")
        read_by_diffusers = UNet2DConditionModel.from_single_file(
            str(folder / "numbers.safetensors"), config=str(root / "gguf_unet"), local_files_only=True)
        reference.load_state_dict(read_by_diffusers.state_dict())
        expected = reference(latent, 500, text, return_dict=False)[0]
        graph = weft_graphs.unet(500, False, 1.0)
        graph["nodes"]["model"] = weft_graphs.node("LoadUnet", {"path": str(path)})
        graph["nodes"]["latent"]["params"]["path"] = graph["nodes"]["positive"]["params"]["path"] = \
            graph["nodes"]["negative"]["params"]["path"] = str(root / "inputs.safetensors")
        (folder / "graph.json").write_text(json.dumps(graph))
        done = checks.run("run", folder / "graph.json", "--out", folder, "--precision", "f32")
        if checks.line(done.returncode == 0, f"gguf {kind.name} runs", done.stderr.strip()):
            got = load_file(folder / "noise.safetensors")["value"]
            worst = float((got - expected).abs().max() / (expected.max() - expected.min()))
            checks.line(worst <= 1e-4, f"gguf {kind.name} gives diffusers' noise", f"max |Δ| {worst:.1e} of the range")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weft", default=str(layouts.ROOT / "build/dev/weft"))
    parser.add_argument("--scripts", type=pathlib.Path, help="the folder scripts of diffusers' repository")
    parser.add_argument("--keep", help="an empty folder to leave the files in")
    parser.add_argument("parts", nargs="*", default=[], metavar="part", help="scripts folders ckpt gguf")
    asked = parser.parse_args()
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    checks = layouts.Checks(str(pathlib.Path(asked.weft).resolve()))
    with tempfile.TemporaryDirectory() as scratch:
        root = pathlib.Path(asked.keep or scratch).resolve()
        root.mkdir(parents=True, exist_ok=True)
        vocabulary = layouts.ROOT / ".deps/models/clip_vocabulary/bpe_simple_vocab_16e6.txt"
        tokenizers = [layouts.clip_tokenizer(root / "t1", vocabulary, "<|endoftext|>"),
                      layouts.clip_tokenizer(root / "t2", vocabulary, "!")]
        parts = {"scripts": lambda: check_scripts(checks, root, tokenizers, asked.scripts),
                 "folders": lambda: check_folders(checks, root, tokenizers),
                 "ckpt": lambda: check_ckpt(checks, root, tokenizers), "gguf": lambda: check_gguf(checks, root, tokenizers)}
        unknown = set(asked.parts) - parts.keys()
        if unknown:
            parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
        for name, check in parts.items():
            if not asked.parts or name in asked.parts:
                check()
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed or not checks.passed else 0


if __name__ == "__main__":
    sys.exit(main())
