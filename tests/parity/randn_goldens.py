"""Draws of torch.randn with a CPU generator, single ones and streams of several in a row."""

import math

import torch

from golden_files import GOLDENS, generator, write_rows, write_safetensors

SIZES = [1, 5, 15, 16, 17, 31, 32, 1000]
# A generator keeps the low 32 bits of its seed: 2**32 draws what 0 does, and -1 what 2**32 - 1 does.
SEEDS = [0, 1, 42, 2**31, 2**32 - 1, 2**32, 2**63 - 1, -1]

# Fewer than 16 values are drawn one pair at a time and the second of a pair waits in the generator
# for the next such draw; 16 and more come in blocks that leave the waiting one alone, and a last
# block that is not full is drawn anew over the last 16 places.
STREAMS = [[5, 5], [1, 1, 1, 1], [3, 16, 3], [15, 17, 1], [17, 31, 16], [7, 33, 2, 16, 9], [16, 16, 1]]


def draw(seed, shapes):
    source = generator(seed)
    return [torch.randn(shape, generator=source, dtype=torch.float32) for shape in shapes]


def make():
    tensors, rows = {}, []

    def keep(seed, shapes, whole=True):
        name = f"draws.{len(rows)}"
        flat = torch.cat([drawn.flatten() for drawn in draw(seed, shapes)])
        row = {"seed": seed, "shapes": shapes, "values": name}
        if not whole:
            # The places whose values are kept: both ends and a walk through the middle.
            picked = sorted({*range(32), *range(len(flat) - 32, len(flat)), *range(0, len(flat), 61)})
            row["places"] = f"places.{len(rows)}"
            tensors[row["places"]] = torch.tensor(picked, dtype=torch.int32)
            flat = flat[picked]
        tensors[name] = flat
        rows.append(row)

    for seed in SEEDS:
        for size in SIZES if seed in (0, 42) else [5, 16, 17, 100]:
            keep(seed, [[size]])
    for seed in (0, 7, 2**63 - 1):
        for stream in STREAMS:
            keep(seed, [[size] for size in stream])
    for seed in (0, 1, 2**32 + 1):
        keep(seed, [[1, 4, 64, 64]], whole=False)
    keep(3, [[2, 4, 8, 8], [2, 4, 8, 8]], whole=False)
    keep(3, [[1, 4, 13, 9], [1, 4, 13, 9], [3], [1, 4, 13, 9]], whole=False)
    assert all(math.isfinite(float(t.double().sum())) for t in tensors.values())

    folder = GOLDENS / "randn"
    write_safetensors(folder / "randn.safetensors.zst", tensors)
    write_rows(folder / "cases.json", {
        "about": "torch.randn(shape, generator=torch.Generator('cpu').manual_seed(seed)) in float32 for "
                 "each shape in turn from one generator; 'values' holds all draws flattened and joined, "
                 "or only those at 'places' of the joined draws",
    }, "cases", rows)
    return f"{len(rows)} cases"
