#!/usr/bin/env python3
"""Whole runs against diffusers' pictures (tests/goldens/runs): every pixel within 2/255.

    golden_runs_test.py WEFT FOLDER

Runs each recorded case through the command in FOLDER and prints a line a case.
"""

import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDENS = ROOT / "tests" / "goldens" / "runs"
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


def main():
    weft, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    prepare(folder)
    failed = 0
    for case in json.loads((GOLDENS / "cases.json").read_text())["cases"]:
        graph = weft_graphs.run(case)
        graph["nodes"] = {k: v for k, v in graph["nodes"].items() if not k.startswith("save_")}
        graph["outputs"] = {"image": "image"}
        path = folder / f"{case['name']}.json"
        path.write_text(json.dumps(graph, indent=1))
        run = subprocess.run(
            [weft, "run", path, "--out", folder, "--precision", "f32", "--quiet"],
            capture_output=True, text=True, check=False)
        if run.returncode != 0:
            print(f"FAIL {case['name']}: {run.stderr.strip()}")
            failed += 1
            continue
        got = np.asarray(Image.open(folder / f"{case['name']}.image.png"), dtype=int)
        wanted = np.asarray(Image.open(GOLDENS / case["picture"]).convert("RGB"), dtype=int)
        worst = np.abs(got - wanted).max() if got.shape == wanted.shape else 255
        failed += worst > BAR
        print(f"{'FAIL' if worst > BAR else 'pass'} {case['name']}: worst pixel off by {worst}/255")
    return 1 if failed else 0


sys.exit(main())
