#!/usr/bin/env python3
"""Whole runs against diffusers' pictures (tests/goldens/runs, families): every pixel within 2/255.

    golden_runs_test.py WEFT FOLDER

Runs each recorded case through the command in FOLDER and prints a line a case. Those of the families
are runs of the shipped graphs.
"""

import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
ALL = ROOT / "tests" / "goldens"
GOLDENS = ALL / "runs"
FAMILIES = ALL / "families"
sys.path.insert(0, str(ROOT / "tests" / "parity"))
import weft_graphs  # noqa: E402

BAR = 2


def prepare(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for model in ("model", "inpaint_unet"):
        (folder / model).symlink_to(GOLDENS / model)
    shutil.copy(GOLDENS / "input.png", folder)
    # LoadImage's mask is what the picture leaves transparent.
    mask = Image.open(GOLDENS / "mask.png").convert("L")
    kept = Image.eval(mask, lambda x: 255 - x)
    Image.merge("RGBA", [mask, mask, mask, kept]).save(folder / "mask_alpha.png")


def passed(name, command, picture, golden):
    """Whether the command runs and its picture is the golden one."""
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        print(f"FAIL {name}: {run.stderr.strip()}")
        return False
    got = np.asarray(Image.open(picture), dtype=int)
    wanted = np.asarray(Image.open(golden).convert("RGB"), dtype=int)
    worst = np.abs(got - wanted).max() if got.shape == wanted.shape else 255
    print(f"{'FAIL' if worst > BAR else 'pass'} {name}: worst pixel off by {worst}/255")
    return worst <= BAR


def run_case(weft, folder, case):
    graph = weft_graphs.run(case)
    graph["nodes"] = {k: v for k, v in graph["nodes"].items() if not k.startswith("save_")}
    graph["outputs"] = {"image": "image"}
    path = folder / f"{case['name']}.json"
    path.write_text(json.dumps(graph, indent=1))
    return passed(case["name"], [weft, "run", path, "--out", folder, "--precision", "f32", "--quiet"],
                  folder / f"{case['name']}.image.png", GOLDENS / case["picture"])


def prepare_families(folder, shared):
    """Whole models, put together from their own parts and those they share."""
    for model in FAMILIES.iterdir():
        if not model.is_dir():
            continue
        (folder / model.name).mkdir()
        for part in model.iterdir():
            (folder / model.name / part.name).symlink_to(part)
    for model, parts in shared.items():
        for part, place in parts.items():
            (folder / model / part).symlink_to(ALL / place)


def run_family(weft, folder, case):
    out = folder / f"{case['name']}_out"
    command = [weft, "run", ROOT / "graphs" / f"{case['graph']}.json", "--out", out, "--precision", "f32", "--quiet"]
    for name, value in case["params"].items():
        is_file = isinstance(value, str) and value.endswith(".png")
        command += ["--param", f"{name}={FAMILIES / value if is_file else value}"]
    for node, model in case["models"].items():
        command += ["--set", f"{node}.path={folder / model}"]
    for name, value in case["set"].items():
        command += ["--set", f"{name}={value}"]
    return passed(case["name"], command, out / f"{case['graph']}.image.png", FAMILIES / case["picture"])


def write_zeros(path, shapes):
    """A safetensors file of such tensors, all zero."""
    header, end = {}, 0
    for name, shape in shapes.items():
        begin, end = end, end + 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(end))


def prepare_wrong(folder):
    """Adapters of other families, a 9-channel UNet among a text-to-image model's parts, tokenizers of two models."""
    module = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    write_zeros(folder / "sdxl_lora.safetensors", {f"{module}.lora_down.weight": [2, 2048], f"{module}.lora_up.weight": [8, 2]})
    write_zeros(folder / "embedding.safetensors", {"style": [2, 768]})
    (folder / "inpaint").mkdir()
    for place in (GOLDENS / "model").iterdir():
        own = folder / "inpaint_unet" / "unet"
        (folder / "inpaint" / place.name).symlink_to(own if place.name == "unet" else place)
    text = (ROOT / "graphs" / "txt2img.json").read_text()
    graph = json.loads(text)
    graph["nodes"]["other"] = {"type": "LoadModel", "params": {"path": str(folder / "sd2")}}
    graph["nodes"]["positive"]["inputs"]["tokenizer"] = "other.tokenizer"
    (folder / "mixed.json").write_text(json.dumps(graph))
    graph = json.loads(text)
    nodes = graph["nodes"]
    nodes["word"] = {"type": "LoadEmbedding", "params": {"path": str(folder / "embedding.safetensors")}}
    nodes["taught"] = {"type": "ApplyTextualInversion",
                       "inputs": {"tokenizer": "model.tokenizer", "clip": "model.clip", "embedding": "word"}}
    nodes["positive"]["inputs"] |= {"tokenizer": "taught.tokenizer", "clip": "taught.clip"}
    (folder / "taught.json").write_text(json.dumps(graph))


def refused(weft, folder, name, graph, models, words, how="check"):
    """Whether a wrong combination is refused by `weft check`, which samples nothing, in such words."""
    graph = pathlib.Path(graph) if str(graph).endswith(".json") else ROOT / "graphs" / f"{graph}.json"
    command = [weft, how, graph]
    for node, model in models.items():
        command += ["--set", f"{node}.path={folder / model}"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    said = run.stdout + run.stderr
    good = run.returncode != 0 and all(word in said for word in words)
    print(f"{'pass' if good else 'FAIL'} {name}: {said.strip().splitlines()[0] if said.strip() else 'nothing said'}")
    return good


def main():
    weft, folder = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    prepare(folder)
    results = [run_case(weft, folder, case) for case in json.loads((GOLDENS / "cases.json").read_text())["cases"]]
    families = json.loads((FAMILIES / "cases.json").read_text())
    prepare_families(folder, families["shared"])
    prepare_wrong(folder)
    results += [run_family(weft, folder, case) for case in families["cases"]]
    results += [
        # The widths of the text and of what the UNet looks at.
        refused(weft, folder, "an SDXL model in a graph for SD 1.x", "txt2img", {"model": "sdxl"}, ["16", "36", "cross_attention_dim"]),
        refused(weft, folder, "a base model as refiner", "txt2img_sdxl_refiner", {"model": "sdxl", "refiner": "sdxl"}, ["20", "36"]),
        refused(weft, folder, "a refiner as base", "txt2img_sdxl", {"model": "refiner"}, ["text_encoder"]),
        refused(weft, folder, "a depth model without a depth map", "txt2img", {"model": "depth"}, ["4 channels", "in_channels is 5"]),
        refused(weft, folder, "an inpainting UNet without a mask", "txt2img", {"model": "inpaint"}, ["4 channels", "in_channels is 9"]),
        refused(weft, folder, "an SDXL LoRA on another UNet", "txt2img_lora", {"model": "model", "lora": "sdxl_lora.safetensors"},
                ["this LoRA is for SDXL", "2048", "text width 24"]),
        refused(weft, folder, "a learned word of another width", folder / "taught.json", {"model": "model"}, ["768 wide", "24"]),
        refused(weft, folder, "a tokenizer of another model", folder / "mixed.json", {"model": "model"},
                ["filled up with token", "the tokenizer is another model's than"], "run"),  # tokens are there in a run alone
        refused(weft, folder, "a LoRA for a model", "txt2img", {"model": "sdxl_lora.safetensors"}, ["LoadLora"]),
        refused(weft, folder, "an upscaler without a noise level", "txt2img", {"model": "upscale"}, ["ClassConditioning"]),
    ]
    print(f"{sum(results)} of {len(results)} passed")
    return 0 if all(results) else 1


sys.exit(main())
