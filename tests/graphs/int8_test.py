#!/usr/bin/env python3
"""The sketch model in 8 bits against f32: every step's noise and the latent after 20 steps.

Guidance takes 7.5 times the difference of two answers, and so of their errors: what the network answers
to the prompt alone is much nearer to f32 than the guided noise.

    int8_test.py WEFT FOLDER [PROMPT …]

Also: a table for 8 bits that is missing or broken, or was made for other weights, is refused by
name, and `weft quantize` says what it cannot write before it computes. Where the processor has no
products of 8 bits, int8 computes as the run does, and passes.
"""

import json
import pathlib
import shutil
import struct
import subprocess
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
GRAPH = ROOT / "tests" / "graphs" / "int8.json"
SKETCH = ROOT / "examples" / "models" / "sketch"
TABLE = "unet/diffusion_pytorch_model.int8.json"
PROMPTS = {  # and the least cosine of a step's guided noise
    "a red circle left of a blue square": 0.999,
    "a small green star above a large purple heart": 0.999,
    "a green ring": 0.998,  # the worst of eleven; bf16 alone has 0.9991
}
ANSWER = 0.9997  # the least cosine of a step's answer to the prompt
PSNR = 30.0  # of the latent after 20 steps, in dB of its range
SHARE = 0.65  # of the multiply-adds in 8 bits, at least


def read_safetensors(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            tensors[name] = np.frombuffer(data[begin:end], np.float32).astype(np.float64)
    return tensors


def cosine(a, b):
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def least_cosine(exact, near):
    exact, near = read_safetensors(exact), read_safetensors(near)
    assert len(exact) == 20 and exact.keys() == near.keys(), sorted(exact)
    return min(cosine(exact[name], near[name]) for name in exact)


def draw(weft, folder, prompt, seed):
    """The least cosine of a step's guided noise, and of its answer, and the latent's PSNR."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [weft, "run", GRAPH, "--out", folder, "--quiet"]
    command += ["--param", f"prompt={prompt}", "--param", f"seed={seed}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    guided = least_cosine(folder / "exact.safetensors", folder / "near.safetensors")
    answer = least_cosine(folder / "answer.safetensors", folder / "answer8.safetensors")
    latent = np.load(folder / "latent.npy").astype(np.float64)
    whole = np.load(folder / "whole.npy").astype(np.float64)
    error = np.sqrt(np.mean((whole - latent) ** 2))
    return guided, answer, 20 * np.log10((latent.max() - latent.min()) / max(error, 1e-12))


def refused(weft, folder, change, *options):
    """What is said of a copy of the model whose table has been changed."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SKETCH, folder / "sketch")
    change(folder / "sketch" / TABLE)
    command = [weft, "check", "txt2img", "--set", f"model.path={folder / 'sketch'}"]
    command += ["--set", "model.precision=int8", *options]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 3, result
    return result.stderr


def of_other_weights(path):
    table = path.read_text()
    ours = json.loads(table)["weights"]
    path.write_text(table.replace(ours, "0123456789abcdef"))


def with_text(old, new):
    def change(path):
        table = path.read_text()
        assert old in table, old
        path.write_text(table.replace(old, new, 1))

    return change


def folder_instead(path):
    path.unlink()
    path.mkdir()


BROKEN = [  # a part of what is said, and what is done to the table for it
    ("missing closing quote", lambda path: path.write_text(path.read_text()[:-20])),
    ("line 1", lambda path: path.write_text("")),
    ("is a folder", folder_instead),
    ("format 2", with_text('"weft_int8":1', '"weft_int8":2')),
    ("int8_stop", with_text('"int8_stop":0.9', '"int8_stop":0.0')),
    ('"conv_im", which', with_text('"conv_in":', '"conv_im":')),
    ("one for each channel", with_text('"channels":', '"channels":1')),
    ('"scale" is -', with_text('"scale":', '"scale":-')),
]


def quantize(weft, *options):
    """The exit code, and what was said."""
    command = [weft, "quantize", "txt2img", "--param", "steps=1", *options]
    result = subprocess.run(command, capture_output=True, text=True)
    return result.returncode, result.stderr


def check_quantize(weft, folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made = folder / "made.int8.json"
    code, said = quantize(weft, "--output", made)
    if "no products of 8 bits" in said:
        return
    assert code == 0, said
    table = json.loads(made.read_text())
    assert table["weights"] == json.loads((SKETCH / TABLE).read_text())["weights"], table["weights"]
    for expected, options in {
        "made.int8.json/x": ["--output", made / "x"],
        "is a folder": ["--output", folder],
        "does not lie behind --int8-start": ["--int8-start", "0.5", "--int8-stop", "0.5"],
    }.items():
        code, said = quantize(weft, *options)
        assert code in (1, 2) and expected in said and "run 1" not in said, (expected, code, said)
    assert [path.name for path in folder.iterdir()] == [made.name], "something is left behind"


def main():
    weft, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    failed = []
    for seed, prompt in enumerate(sys.argv[3:] or PROMPTS):
        guided, answer, psnr = draw(weft, folder / "drawn", prompt, seed)
        print(f"{prompt}: least cosine of a step {guided:.6f} guided, {answer:.6f} not; latent {psnr:.1f} dB")
        if guided < PROMPTS.get(prompt, 0.0) or answer < ANSWER or psnr < PSNR:
            failed.append(prompt)
    share = json.loads((SKETCH / TABLE).read_text())["multiply_adds_in_int8"]
    print(f"{100 * share:.1f}% of the multiply-adds in 8 bits")
    if share < SHARE:
        failed.append("share")
    message = refused(weft, folder / "missing", pathlib.Path.unlink)
    assert TABLE in message and "weft quantize" in message, message
    message = refused(weft, folder / "other", of_other_weights)
    assert "made for other weights" in message and TABLE in message, message
    for expected, change in BROKEN:
        message = refused(weft, folder / "broken", change)
        assert expected in message and TABLE in message, (expected, message)
    options = ["--set", "model.int8_start=0.5", "--set", "model.int8_stop=0.25"]
    message = refused(weft, folder / "shares", lambda path: None, *options)
    assert "int8_stop" in message and "does not lie behind int8_start" in message, message
    check_quantize(weft, folder / "quantize")
    sys.exit(f"failed: {failed}" if failed else 0)


main()
