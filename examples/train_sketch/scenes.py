"""The little language of the sketch model, and the pictures it describes.

    [a] [small|large] COLOUR SHAPE
        [left of|right of|above|below a [small|large] COLOUR SHAPE]
        [on a COLOUR background]

A `Scene` is what a sentence means; `render` draws it, `caption` says it in one of its several
ways and `parse` reads a sentence back into a scene. Needs numpy and Pillow only.
"""

import dataclasses
import hashlib
import math
import random

import numpy as np
from PIL import Image, ImageDraw

SIDE = 128  # pixels; pictures are square

# sRGB. Chosen to be far apart both in hue and in lightness.
COLOURS = {
    "red": (228, 26, 28),
    "green": (24, 152, 44),
    "blue": (32, 64, 228),
    "yellow": (250, 226, 32),
    "orange": (250, 146, 20),
    "purple": (138, 32, 172),
    "pink": (255, 150, 192),
    "cyan": (32, 214, 230),
    "brown": (132, 74, 30),
    "black": (14, 14, 14),
    "white": (252, 252, 252),
    "gray": (118, 118, 118),
}
# The paper when the sentence names no background: between gray and white, equal to no colour.
PAPER = (204, 204, 204)

SHAPES = ("circle", "square", "triangle", "star", "heart", "ring", "cross", "diamond")
SIZES = ("small", "", "large")  # "" is the middle size, said by saying nothing
AXES = ("", "horizontal", "vertical")

# Half of an object's extent in pixels, alone and beside another one.
RADIUS_ALONE = {"small": 19.0, "": 31.0, "large": 44.0}
RADIUS_PAIRED = {"small": 14.0, "": 20.0, "large": 26.0}

KNOWN_WORDS = tuple(
    sorted(
        {"a", "an", "the", "small", "large", "left", "right", "of", "above", "below", "on",
         "background", "grey"} | set(COLOURS) | set(SHAPES)
    )
)


@dataclasses.dataclass(frozen=True)
class Thing:
    size: str
    colour: str
    shape: str

    def words(self):
        return " ".join(w for w in (self.size, self.colour, self.shape) if w)


@dataclasses.dataclass(frozen=True)
class Scene:
    """`things` go from left to right on the horizontal axis, from top to bottom on the vertical."""

    things: tuple
    axis: str = ""
    background: str = ""

    def is_held_out(self):
        """A tenth of all pairs of objects, in both wordings, is never trained on."""
        if len(self.things) < 2:
            return False
        key = "|".join([self.axis] + [f"{t.colour} {t.shape}" for t in self.things])
        return hashlib.sha256(key.encode()).digest()[0] % 10 == 0


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where one object is drawn: centre and radius in pixels."""

    x: float
    y: float
    radius: float


def sample_scene(rng, pairs=0.72, held_out=False, sizes=(0.25, 0.5, 0.25)):
    """A random scene; with `held_out` a two-object one from the part kept out of training."""
    while True:
        colours = list(COLOURS)
        background = rng.choice(colours) if rng.random() < 0.4 else ""
        usable = [c for c in colours if c != background]
        count = 2 if held_out or rng.random() < pairs else 1
        things = tuple(
            Thing(
                rng.choices(SIZES, sizes)[0], rng.choice(usable), rng.choice(SHAPES)
            )
            for _ in range(count)
        )
        axis = rng.choice(AXES[1:]) if count == 2 else ""
        scene = Scene(things, axis, background)
        if scene.is_held_out() == held_out:
            return scene


def held_out_scenes(count=100, seed=20):
    """The fixed list of scenes on which the model is judged."""
    rng = random.Random(seed)
    return [sample_scene(rng, held_out=True) for _ in range(count)]


def caption(scene, rng=None):
    """One way to say the scene; without `rng` the plainest one, first object first."""

    def article(word, at_start):
        if rng is not None and rng.random() < (0.25 if at_start else 0.08):
            return ""
        if word.startswith("orange"):
            return "an " if rng is None or rng.random() < 0.6 else "a "
        return "a "

    things, axis = scene.things, scene.axis
    text = ""
    if len(things) == 2:
        swapped = rng is not None and rng.random() < 0.5
        first, second = (things[1], things[0]) if swapped else things
        relation = {
            ("horizontal", False): "left of",
            ("horizontal", True): "right of",
            ("vertical", False): "above",
            ("vertical", True): "below",
        }[axis, swapped]
        text = article(first.words(), True) + first.words() + f" {relation} "
        text += article(second.words(), False) + second.words()
    else:
        text = article(things[0].words(), True) + things[0].words()
    if scene.background:
        text += " on " + article(scene.background, False) + scene.background + " background"
    if rng is not None and "gray" in text and rng.random() < 0.15:
        text = text.replace("gray", "grey")
    return text


def parse(prompt):
    """The scene a sentence of the language means; ValueError says which word does not fit."""
    words = [w for w in prompt.lower().replace(",", " ").replace(".", " ").split()]
    words = ["gray" if w == "grey" else w for w in words if w not in ("a", "an", "the")]
    at = 0

    def peek():
        return words[at] if at < len(words) else ""

    def take(allowed, what):
        nonlocal at
        if peek() not in allowed:
            raise ValueError(f"{prompt!r}: expected {what}, found {peek()!r}")
        at += 1
        return words[at - 1]

    def thing():
        size = take(("small", "large"), "a size") if peek() in ("small", "large") else ""
        return Thing(size, take(COLOURS, "a colour"), take(SHAPES, "a shape"))

    things, axis, background = [thing()], "", ""
    if peek() in ("left", "right", "above", "below"):
        relation = take(("left", "right", "above", "below"), "a relation")
        if relation in ("left", "right"):
            take(("of",), "'of'")
        other = thing()
        axis = "horizontal" if relation in ("left", "right") else "vertical"
        things = [other] + things if relation in ("right", "below") else things + [other]
    if peek() == "on":
        take(("on",), "'on'")
        background = take(COLOURS, "a colour")
        take(("background",), "'background'")
    if at != len(words):
        raise ValueError(f"{prompt!r}: {peek()!r} is one word too many")
    return Scene(tuple(things), axis, background)


def place(scene, rng):
    """Random positions: the picture of a sentence is not a single one."""
    placements = []
    for index, thing in enumerate(scene.things):
        if len(scene.things) == 1:
            radius = RADIUS_ALONE[thing.size] * rng.uniform(0.97, 1.03)
            room = min(6.0, SIDE / 2 - radius - 6)
            x = SIDE / 2 + rng.uniform(-room, room)
            y = SIDE / 2 + rng.uniform(-room, room)
        else:
            radius = RADIUS_PAIRED[thing.size] * rng.uniform(0.97, 1.03)
            along = (34.5, 93.5)[index] + rng.uniform(-1.5, 1.5)
            across = SIDE / 2 + rng.uniform(-4, 4)
            x, y = (along, across) if scene.axis == "horizontal" else (across, along)
        placements.append(Placement(x, y, radius))
    return placements


def _outline(shape, radius):
    """Corner points of a shape around (0, 0), y downwards; rings and circles are drawn apart."""
    r = radius
    if shape == "square":
        return [(-0.86 * r, -0.86 * r), (0.86 * r, -0.86 * r), (0.86 * r, 0.86 * r),
                (-0.86 * r, 0.86 * r)]
    if shape == "triangle":
        return [(0, -0.95 * r), (1.0 * r, 0.8 * r), (-1.0 * r, 0.8 * r)]
    if shape == "diamond":
        return [(0, -1.05 * r), (0.78 * r, 0), (0, 1.05 * r), (-0.78 * r, 0)]
    if shape == "cross":
        w = 0.32 * r
        return [(-w, -r), (w, -r), (w, -w), (r, -w), (r, w), (w, w), (w, r), (-w, r), (-w, w),
                (-r, w), (-r, -w), (-w, -w)]
    if shape == "star":
        points = []
        for k in range(10):
            length = r * (1.08 if k % 2 == 0 else 0.46)
            angle = math.pi * k / 5
            points.append((length * math.sin(angle), 0.04 * r - length * math.cos(angle)))
        return points
    if shape == "heart":
        points = []
        for k in range(64):
            t = 2 * math.pi * k / 64
            x = 16 * math.sin(t) ** 3
            y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
            points.append((x / 16.5 * r, -(y + 2.5) / 15.5 * r))
        return points
    raise ValueError(f"no shape is called {shape!r}")


def mask(shape, placement, side=SIDE, oversample=4):
    """Coverage of each pixel by the shape, 0 to 255, as (array, left, top) of its box."""
    reach = placement.radius * 1.1 + 2
    left, top = max(0, int(placement.x - reach)), max(0, int(placement.y - reach))
    right = min(side, int(placement.x + reach) + 1)
    bottom = min(side, int(placement.y + reach) + 1)
    s = oversample
    canvas = Image.new("L", ((right - left) * s, (bottom - top) * s), 0)
    pen = ImageDraw.Draw(canvas)
    cx, cy, r = (placement.x - left) * s, (placement.y - top) * s, placement.radius * s
    if shape in ("circle", "ring"):
        outer = 0.96 * r
        pen.ellipse((cx - outer, cy - outer, cx + outer, cy + outer), fill=255)
        if shape == "ring":
            inner = 0.54 * r
            pen.ellipse((cx - inner, cy - inner, cx + inner, cy + inner), fill=0)
    else:
        pen.polygon([(cx + x, cy + y) for x, y in _outline(shape, r)], fill=255)
    return np.asarray(canvas.reduce(s)), left, top


def render(scene, placements, side=SIDE):
    """The picture: uint8, side x side x 3."""
    paper = COLOURS[scene.background] if scene.background else PAPER
    picture = np.empty((side, side, 3), np.float32)
    picture[:] = paper
    for thing, placement in zip(scene.things, placements):
        coverage, left, top = mask(thing.shape, placement, side)
        weight = coverage[:, :, None].astype(np.float32) / 255
        box = picture[top : top + coverage.shape[0], left : left + coverage.shape[1]]
        box += weight * (np.asarray(COLOURS[thing.colour], np.float32) - box)
    return (picture + 0.5).astype(np.uint8)


def sample_picture(rng, **choices):
    scene = sample_scene(rng, **choices)
    return scene, render(scene, place(scene, rng))
