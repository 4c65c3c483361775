#!/usr/bin/env python3
"""What each way to evaluate the network less costs in quality and saves in time: prints a Markdown table.

    python3 tests/bench/fewer_evaluations.py                          quality, with the sketch model
    python3 tests/bench/fewer_evaluations.py --sd15 FOLDER            times of an SD 1.5 at 512x512 as well
    python3 tests/bench/fewer_evaluations.py --sd15 FOLDER --tiny-vae FOLDER --rounds 3 --steps 10

Quality: how many of the held-out prompts are read back with the right colours and shapes
(examples/train_sketch/read_back.py), and the PSNR against the same seed's picture drawn plainly.
Times: all ways in turn within one process, round by round; the median of the ratios to the plain run of
the same round, denoising and decoding together. FOLDER may hold random weights
(tests/bench/full_size_models.py, and for --tiny-vae any AutoencoderTiny). Needs numpy and Pillow.
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "examples" / "train_sketch"))

import read_back
import scenes

# Inputs of Denoise, or a scheduler, a number of steps ("half") or a vae ("tiny"). The sketch model's
# attention begins one level further in than SD 1.5's ("outermost"). Pictures are compared with those of
# the first way with the same scheduler. Nothing converges with random weights, so that a time of an
# SD 1.5 that stops by itself would say nothing.
DPM = {"scheduler": "DPMSolverMultistepScheduler"}
DDIM = {"scheduler": "DDIMScheduler"}
WAYS = [
    ("as it is", {}),
    ("guidance in the first 80% of the steps", {"guidance_stop": 0.8}),
    ("guidance in the last 80% of the steps", {"guidance_start": 0.2}),
    ("DeepCache, every 2nd step", {"cache_interval": 2}),
    ("DeepCache, every 3rd step", {"cache_interval": 3}),
    ("DeepCache, every 5th step", {"cache_interval": 5}),
    ("DeepCache, every 3rd step, one layer deeper", {"cache_interval": 3, "cache_branch": 1}),
    ("a quarter of the tokens merged", {"merge_ratio": 0.25, "merge_downsample": "outermost"}),
    ("half of the tokens merged", {"merge_ratio": 0.5, "merge_downsample": "outermost"}),
    ("DDIM", DDIM),
    ("DDIM, stop_below 0.1", {**DDIM, "stop_below": 0.1}),
    ("DDIM, stop_below 0.3", {**DDIM, "stop_below": 0.3}),
    ("DPM-Solver++", DPM),
    ("DPM-Solver++, half of the steps", {**DPM, "steps": "half"}),
    ("LCM, 4 steps", {"scheduler": "LCMScheduler", "steps": 4}),
    ("TCD, 4 steps", {"scheduler": "TCDScheduler", "steps": 4}),
    ("tiny decoder", {"vae": "tiny"}),
    ("the UNet in 8 bits (weft quantize)", {"precision": "int8"}),
    ("DeepCache 3, half of the tokens, guidance in the first 80%",
     {"cache_interval": 3, "merge_ratio": 0.5, "merge_downsample": "outermost", "guidance_stop": 0.8}),
]


def weft_lua(options, model, size, steps, rounds, ways, prompts, out):
    """[(name, seconds)] from fewer_evaluations.lua."""
    with tempfile.TemporaryDirectory() as folder:
        variants = pathlib.Path(folder, "variants")
        variants.write_text("".join("\t".join([name, *(f"{k}={v}" for k, v in inputs.items())]) + "\n"
                                    for name, inputs in ways))
        sentences = pathlib.Path(folder, "prompts")
        sentences.write_text("".join(sentence + "\n" for sentence in prompts))
        command = [options.weft, "lua", "--precision", options.precision, "--threads", options.threads, "--out",
                   folder,
                   ROOT / "tests" / "bench" / "fewer_evaluations.lua", model, size, steps, rounds, variants,
                   sentences, out]
        finished = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=ROOT)
    if finished.returncode != 0:
        sys.exit(f"fewer_evaluations: {finished.stderr.strip()}")
    rows = [line.split("\t") for line in finished.stdout.splitlines() if line.count("\t") == 3]
    return [(name, float(cpu if options.processor_time else seconds)) for name, _, seconds, cpu in rows]


def ways_for(steps, outermost, tiny):
    """WAYS with this model's numbers, named by place; those it cannot go are left out."""
    chosen = []
    for index, (_, inputs) in enumerate(WAYS):
        given = dict(inputs)
        if given.get("vae") == "tiny":
            if tiny is None:
                continue
            given["vae"] = tiny
        if given.get("steps") == "half":
            given["steps"] = max(1, steps // 2)
        if given.get("merge_downsample") == "outermost":
            given["merge_downsample"] = outermost
        chosen.append((f"way{index:02}", given))
    return chosen


def psnr(picture, other):
    error = np.mean((picture.astype(np.float64) - other.astype(np.float64)) ** 2)
    return float("inf") if error == 0 else 10 * np.log10(255.0 ** 2 / error)


def ratios(rows, ways):
    """{place: (median seconds, median ratio to the plain run beside it)}."""
    seconds = {name: [taken for other, taken in rows if other == name] for name, _ in ways}
    plain = seconds[ways[0][0]]
    return {name: (statistics.median(taken), statistics.median(t / p for t, p in zip(taken, plain)))
            for name, taken in seconds.items()}


def quality(options):
    """({place: (colours right, shapes right, median PSNR)}, in percent and decibels, and times)."""
    sentences = [scenes.caption(scene) for scene in scenes.held_out_scenes(options.prompts)]
    ways = ways_for(options.sketch_steps, outermost=2, tiny="models/sketch_tiny_vae")
    found = {}
    with tempfile.TemporaryDirectory() as out:
        for name, _ in ways:
            pathlib.Path(out, name).mkdir()
        rows = weft_lua(options, "models/sketch", 128, options.sketch_steps, 1, ways, sentences, out)
        plain = {}
        for name, inputs in ways:
            pictures = [np.asarray(Image.open(pathlib.Path(out, name, f"{i + 1:03}.png")).convert("RGB"))
                        for i in range(len(sentences))]
            first = plain.setdefault(inputs.get("scheduler"), pictures)
            verdicts = [read_back.judge(picture, scenes.parse(sentence))
                        for picture, sentence in zip(pictures, sentences)]
            share = [100 * sum(v[key] for v in verdicts) / len(verdicts) for key in ("colours", "shapes")]
            found[name] = (*share, statistics.median(map(psnr, pictures, first)))
    return found, ratios(rows, ways)


def times(options):
    ways = [(name, inputs) for name, inputs in ways_for(options.steps, outermost=1, tiny=options.tiny_vae)
            if "stop_below" not in inputs and inputs.get("scheduler") != DDIM["scheduler"]]
    rows = weft_lua(options, options.sd15, options.size, options.steps, options.rounds, ways,
                    ["a red circle left of a blue square"], "-")
    return ratios(rows, ways)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weft", default=str(ROOT / "build" / "release" / "weft"))
    parser.add_argument("--precision", default="auto", choices=["auto", "f32", "bf16"])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--processor-time", action="store_true",
                        help="in place of the clock's, with --threads 1 on a machine that does other work too")
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--sketch-steps", type=int, default=20)
    parser.add_argument("--sd15", metavar="FOLDER", help="a diffusers folder")
    parser.add_argument("--tiny-vae", metavar="FOLDER", help="a folder of an AutoencoderTiny")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    drawn, sketched = quality(options) if options.prompts > 0 else ({}, {})
    timed = times(options) if options.sd15 else {}
    print(f"| | colours right | shapes right | PSNR, dB | time, sketch model, {options.sketch_steps} steps | "
          f"time, SD 1.5, {options.size}x{options.size}, {options.steps} steps |")
    print("|---|---|---|---|---|---|")
    for index, (title, _) in enumerate(WAYS):
        name = f"way{index:02}"
        cells = [""] * 5
        if name in drawn:
            colours, shapes, decibels = drawn[name]
            cells[:3] = [f"{colours:.0f}%", f"{shapes:.0f}%", "" if decibels == float("inf") else f"{decibels:.1f}"]
        for cell, measured, digits in ((3, sketched, 2), (4, timed, 1)):
            if name in measured:
                cells[cell] = f"{measured[name][1]:.2f} ({measured[name][0]:.{digits}f} s)"
        if any(cells):
            print(f"| {title} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
