"""Reads a picture of the sketch model back into words: which objects, where, in which colours.

    read_back.py --prompt "a red circle left of a blue square" picture.png
    read_back.py FOLDER [--colours-at-least 90] [--shapes-at-least 80]

FOLDER holds `prompts.txt`, one sentence a line, and the pictures; a line may also be
`NAME<TAB>sentence`, otherwise the pictures are taken in the order of their names. Exits with 1
when a picture differs from its sentence or a score is below its bar, with 2 when something cannot
be read. Needs numpy and Pillow only.
"""

import argparse
import dataclasses
import math
import pathlib
import sys

import numpy as np
from PIL import Image

import scenes

STANDS_OUT = 36.0  # RGB distance from the background at which a pixel belongs to an object
SMALLEST = 45  # pixels; less than that is a speck
NEAREST = 18.0  # pixels that two centres must lie apart for one to be "left of" the other
ALIKE = 0.55  # overlap with a shape's ideal outline below which it is no shape at all


@dataclasses.dataclass
class Found:
    colour: str
    shape: str
    size: str
    x: float  # centre of mass, pixels
    y: float
    area: float  # pixels
    overlap: float  # with the best shape, 0 to 1


def to_lab(rgb):
    """sRGB 0..255 to CIE L*a*b*, in which distances follow the eye."""
    c = np.asarray(rgb, np.float64) / 255
    c = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    xyz = c @ np.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192],
                        [0.1805, 0.0722, 0.9505]]) / (0.9505, 1.0, 1.089)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]),
                     200 * (f[..., 1] - f[..., 2])], -1)


_NAMES = [*scenes.COLOURS, "paper"]
_PALETTE = to_lab([*scenes.COLOURS.values(), scenes.PAPER])


def name_colour(rgb, with_paper=False):
    distance = np.linalg.norm(_PALETTE - to_lab(rgb), axis=1)
    return _NAMES[int(np.argmin(distance if with_paper else distance[:-1]))]


def components(mask):
    """Connected pieces of a boolean picture (eight neighbours), as boolean pictures."""
    height, width = mask.shape
    labels = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        padded = np.pad(labels, 1)
        best = labels
        for dy in range(3):
            for dx in range(3):
                best = np.maximum(best, padded[dy : dy + height, dx : dx + width])
        best = np.where(mask, best, 0)
        if (best == labels).all():
            break
        labels = best
    return [labels == k for k in np.unique(labels) if k]


def split_touching(piece):
    """Cuts a piece that fills both halves of the picture at its narrowest place in the middle."""
    for axis in (0, 1):
        profile = piece.sum(1 - axis)
        where = np.flatnonzero(profile)
        side = piece.shape[axis]
        breadth = np.ptp(np.flatnonzero(piece.sum(axis)))
        long_and_thin = where[-1] - where[0] > 0.62 * side and breadth < 0.5 * side
        if long_and_thin and where[0] < 0.25 * side and where[-1] > 0.75 * side:
            low, high = int(0.44 * side), int(0.56 * side)
            cut = low + int(np.argmin(profile[low:high]))
            if profile[cut] <= 0.5 * profile.max():
                first = piece.copy()
                np.moveaxis(first, axis, 0)[cut:] = False
                return [first, piece & ~first]
    return [piece]


def inner(mask):
    """The mask without its outermost pixels, or the mask itself where nothing would be left."""
    padded = np.pad(mask, 1)
    kept = mask & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return kept if kept.sum() >= 12 else mask


def name_shape(coverage):
    """The shape whose ideal outline of the same area and centre overlaps the coverage best."""
    side = coverage.shape[0]
    area = coverage.sum()
    rows, columns = np.mgrid[:side, :side] + 0.5
    cx, cy = (coverage * columns).sum() / area, (coverage * rows).sum() / area
    best = ("", 0.0, 0.0)
    for shape in scenes.SHAPES:
        unit, left, top = scenes.mask(shape, scenes.Placement(64, 64, 40.0))
        unit = unit / 255.0
        unit_area = unit.sum()
        y = top + ((unit.sum(1) * np.arange(unit.shape[0])).sum() / unit_area) + 0.5 - 64
        x = left + ((unit.sum(0) * np.arange(unit.shape[1])).sum() / unit_area) + 0.5 - 64
        for stretch in (0.95, 1.0, 1.06):
            radius = 40.0 * math.sqrt(area / unit_area) * stretch
            spot = scenes.Placement(cx - x * radius / 40, cy - y * radius / 40, radius)
            ideal, left, top = scenes.mask(shape, spot, side)
            whole = np.zeros_like(coverage)
            whole[top : top + ideal.shape[0], left : left + ideal.shape[1]] = ideal / 255.0
            overlap = np.minimum(whole, coverage).sum() / np.maximum(whole, coverage).sum()
            if overlap > best[1]:
                best = (shape, overlap, radius)
    return best


def read(picture):
    """(background colour's name, objects) of a uint8 picture, height x width x 3."""
    picture = np.asarray(picture, np.float64)[:, :, :3]
    if picture.shape[:2] != (scenes.SIDE, scenes.SIDE):
        small = Image.fromarray(picture.astype(np.uint8)).resize((scenes.SIDE, scenes.SIDE))
        picture = np.asarray(small, np.float64)
    frame = np.concatenate([picture[:3].reshape(-1, 3), picture[-3:].reshape(-1, 3),
                            picture[:, :3].reshape(-1, 3), picture[:, -3:].reshape(-1, 3)])
    paper = np.median(frame, axis=0)
    difference = picture - paper
    distance = np.linalg.norm(difference, axis=2)
    pieces = [p for whole in components(distance > STANDS_OUT) for p in split_touching(whole)]
    found = []
    for piece in pieces:
        if piece.sum() < SMALLEST:
            continue
        colour = np.median(picture[inner(piece)], axis=0)
        towards = colour - paper
        coverage = (difference @ towards) / max((towards**2).sum(), 1.0)
        padded = np.pad(piece, 1)
        near = sum(padded[dy : dy + scenes.SIDE, dx : dx + scenes.SIDE].astype(int)
                   for dy in range(3) for dx in range(3)) > 0
        coverage = np.where(near, np.clip(coverage, 0, 1), 0)
        shape, overlap, radius = name_shape(coverage)
        rows, columns = np.nonzero(piece)
        found.append(Found(name_colour(colour), shape if overlap >= ALIKE else "blot", radius,
                           columns.mean() + 0.5, rows.mean() + 0.5, float(piece.sum()), overlap))
    found.sort(key=lambda f: -f.area)
    radii = scenes.RADIUS_ALONE if len(found) == 1 else scenes.RADIUS_PAIRED
    for thing in found:
        thing.size = min(radii, key=lambda size: abs(radii[size] - thing.size))
    return name_colour(paper, with_paper=True), found


def judge(picture, scene):
    """What the picture has right: colours (on the right sides), shapes, sizes, background."""
    background, found = read(picture)
    wanted = scene.things
    said = "; ".join(
        " ".join(w for w in (f.size, f.colour, f.shape) if w) + f" at {f.x:.0f},{f.y:.0f}"
        for f in found
    )
    verdict = dict(colours=False, shapes=False, sizes=False,
                   background=background == (scene.background or "paper"),
                   said=f"{said or 'nothing'} on {background}")
    if len(found) != len(wanted):
        return verdict
    if len(wanted) == 2:
        along = (lambda f: f.x) if scene.axis == "horizontal" else (lambda f: f.y)
        found.sort(key=along)
        if along(found[1]) - along(found[0]) < NEAREST:
            return verdict
    verdict["colours"] = all(f.colour == t.colour for f, t in zip(found, wanted))
    verdict["shapes"] = all(f.shape == t.shape for f, t in zip(found, wanted))
    verdict["sizes"] = all(f.size == t.size for f, t in zip(found, wanted))
    return verdict


def summary(verdicts):
    def count(key):
        return f"{sum(v[key] for v in verdicts)}/{len(verdicts)}"

    return (f"colours on the right sides: {count('colours')}, shapes right: {count('shapes')}, "
            f"sizes right: {count('sizes')}, background right: {count('background')}")


def read_list(folder):
    """Pairs of picture file and sentence from a folder."""
    lines = (folder / "prompts.txt").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line.strip()]
    if all("\t" in line for line in lines):
        return [(folder / name, text) for name, text in (line.split("\t", 1) for line in lines)]
    pictures = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".png", ".webp"))
    if len(pictures) != len(lines):
        raise ValueError(f"{folder}: {len(lines)} sentences but {len(pictures)} pictures")
    return list(zip(pictures, lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=pathlib.Path, help="a picture, or a folder with prompts.txt")
    parser.add_argument("--prompt", help="what the picture should show")
    parser.add_argument("--colours-at-least", type=int, default=0, metavar="PERCENT")
    parser.add_argument("--shapes-at-least", type=int, default=0, metavar="PERCENT")
    parser.add_argument("--quiet", action="store_true", help="print the score alone")
    options = parser.parse_args()
    try:
        if options.path.is_dir():
            cases = read_list(options.path)
        else:
            cases = [(options.path, options.prompt)]
        verdicts = []
        for path, sentence in cases:
            with Image.open(path) as file:
                picture = np.asarray(file.convert("RGB"))
            if sentence is None:
                background, found = read(picture)
                for f in found:
                    print(f"{f.size + ' ' if f.size else ''}{f.colour} {f.shape} at "
                          f"{f.x:.0f},{f.y:.0f}")
                print(f"on {background}")
                return 0
            verdict = judge(picture, scenes.parse(sentence))
            verdicts.append(verdict)
            if not options.quiet and not (verdict["colours"] and verdict["shapes"]):
                print(f"{path.name}: {sentence!r} reads as {verdict['said']}")
    except (OSError, ValueError) as error:
        print(f"read_back: {error}", file=sys.stderr)
        return 2
    print(summary(verdicts))
    if len(verdicts) == 1:
        return 0 if verdicts[0]["colours"] and verdicts[0]["shapes"] else 1
    colours = 100 * sum(v["colours"] for v in verdicts) / len(verdicts)
    shapes = 100 * sum(v["shapes"] for v in verdicts) / len(verdicts)
    return 0 if colours >= options.colours_at_least and shapes >= options.shapes_at_least else 1


if __name__ == "__main__":
    sys.exit(main())
