"""The same inputs for every peer: made from a seed, saved as .npy beside the models."""

import os

import numpy

# Latent size, text width, and for SDXL the width of the pooled text.
SHAPES = {
    "sd15": dict(latent=64, text=768, pooled=0),
    "sdxl": dict(latent=128, text=2048, pooled=1280),
}
SIZES = (1024, 1024, 0, 0, 1024, 1024)  # SDXL's: original, crop, target
TIMESTEP = 999.0
GUIDANCE = 7.5


def make(folder, model):
    """Writes a latent, the texts, pooled texts and token ids, unless they are there."""
    shape = SHAPES[model]
    random = numpy.random.default_rng(0)
    size = shape["latent"]
    arrays = {
        "latent": random.standard_normal((1, 4, size, size), dtype=numpy.float32),
        "negative": random.standard_normal((1, 77, shape["text"]), dtype=numpy.float32),
        "positive": random.standard_normal((1, 77, shape["text"]), dtype=numpy.float32),
        "tokens": random.integers(0, 49405, (2, 77), dtype=numpy.int32),
    }
    arrays["tokens"][:, 0] = 49406
    arrays["tokens"][:, -1] = 49407
    if shape["pooled"]:
        for name in ("pooled_negative", "pooled_positive"):
            arrays[name] = random.standard_normal((1, shape["pooled"]), dtype=numpy.float32)
    os.makedirs(folder, exist_ok=True)
    for name, array in arrays.items():
        path = os.path.join(folder, name + ".npy")
        if not os.path.exists(path):
            numpy.save(path, array)


def load(case):
    """The arrays of a case, by name."""
    folder = case["inputs"]
    return {
        name[:-4]: numpy.load(os.path.join(folder, name))
        for name in os.listdir(folder)
        if name.endswith(".npy")
    }


def guided(noise):
    """What guidance makes of the answers for (negative, positive)."""
    return noise[:1] + GUIDANCE * (noise[1:] - noise[:1])
