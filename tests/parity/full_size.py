"""Compares weft with diffusers at real shapes, in f32, on random weights under their true names.

  python tests/parity/full_size.py sd15 FOLDER [--weft build/dev/weft] [--size 512] [--single] [part …]

FOLDER is where tests/bench/full_size_models.py has written the model. Parts: text, unet (one step, with
guidance), vae_decode. Each runs in a process of its own, one at a time, and both get the same inputs; the
cosine must be at least 0.9999. --size in pixels, where memory is short; --single reads the single file
with weft instead of the folder. Exit code 0 only if all passed, 77 where PyTorch is not installed.
"""

import argparse
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "bench" / "peers"))

try:
    import numpy
    import inputs
    import pytorch_peer
except ImportError as missing:
    print(f"full size skipped: {missing}")
    sys.exit(77)

from weft_graphs import graph, node

LEAST_COSINE = 0.9999
PARTS = ["text", "unet", "vae_decode"]
SHAPES = {
    "sd15": dict(size=512, text=768, pooled=0),
    "sd21": dict(size=768, text=1024, pooled=0),
    "sdxl": dict(size=1024, text=2048, pooled=1280),
}


def given_arrays(model, size):
    """What both get: latents, hidden states of texts, token ids."""
    shape, random = SHAPES[model], numpy.random.default_rng(1)
    normal = lambda *dims: random.standard_normal(dims, dtype=numpy.float32)
    arrays = {"latent": normal(1, 4, size // 8, size // 8)}
    for text in ("negative", "positive"):
        arrays[text] = normal(1, 77, shape["text"])
        if shape["pooled"]:
            arrays[f"pooled_{text}"] = normal(1, shape["pooled"])
    arrays["tokens"] = random.integers(0, 49405, (1, 77), dtype=numpy.int32)
    arrays["tokens"][:, 0], arrays["tokens"][:, 60:] = 49406, 49407
    return arrays


def weft_graph(part, path, given):
    """The graph of one part; arrays lie beside it as NAME.npy."""
    tensor = lambda name, kind: node("LoadTensor", {"path": f"{name}.npy", "as": kind})
    nodes = {"model": node("LoadModel", {"path": str(path)})}
    if part == "text":
        nodes["tokens"] = tensor("tokens", "tokens")
        nodes["result"] = node("ClipEncode", clip="model.clip", tokens="tokens")
    elif part == "vae_decode":
        nodes["latent"] = tensor("latent", "latent")
        nodes["result"] = node("VaeDecode", vae="model.vae", latent="latent")
    else:
        nodes["latent"] = tensor("latent", "latent")
        told = {}
        for text in ("negative", "positive"):
            nodes[f"{text}_tokens"] = tensor(text, "tensor")
            more = {"tokens": f"{text}_tokens"}
            if f"pooled_{text}" in given:
                nodes[f"{text}_pooled"] = tensor(f"pooled_{text}", "tensor")
                more["pooled"] = f"{text}_pooled"
            told[text] = f"{text}_made"
            nodes[told[text]] = node("MakeConditioning", **more)
            if "pooled" in more:
                names = ["original_height", "original_width", "crop_top", "crop_left", "target_height", "target_width"]
                sizes = {"width": 1, "height": 1, **dict(zip(names, inputs.SIZES))}
                nodes[f"{text}_sized"] = node("SizeConditioning", sizes, conditioning=told[text])
                told[text] = f"{text}_sized"
        nodes["scheduler"] = node("DDIMScheduler", {"timestep_spacing": "leading", "steps_offset": 0})
        nodes["times"] = node("Timesteps", {"num_inference_steps": 1000}, scheduler="scheduler")
        nodes["guide"] = node("Guidance", {"guidance_scale": inputs.GUIDANCE}, unet="model.unet", **told)
        nodes["result"] = node("PredictNoise", denoiser="guide", latent="latent", step="times.first")
    nodes["save"] = node("SaveTensor", {"path": "result.npy"}, value="result")
    return graph(part, nodes)


def compare(part, options, given, scratch):
    """Runs both; returns the cosine and what it took."""
    path = options.folder / options.model
    for name, array in given.items():
        numpy.save(scratch / f"{name}.npy", array)
    weft_path = path.with_suffix(".safetensors") if options.single else path
    (scratch / "graph.json").write_text(json.dumps(weft_graph(part, weft_path.resolve(), given)))
    begin = time.perf_counter()
    subprocess.run([options.weft, "run", scratch / "graph.json", "--precision", "f32", "--out", scratch / "out"],
                   check=True, stdout=subprocess.DEVNULL)
    ours_seconds = time.perf_counter() - begin
    ours = numpy.load(scratch / "out" / "result.npy")
    begin = time.perf_counter()
    subprocess.run([sys.executable, __file__, options.model, options.folder, "--pytorch", scratch / "pytorch.npy", part,
                    "--given", scratch], check=True, stdout=subprocess.DEVNULL)
    theirs_seconds = time.perf_counter() - begin
    theirs = numpy.load(scratch / "pytorch.npy")
    if ours.size != theirs.size:
        raise SystemExit(f"{part}: weft gives {ours.shape}, PyTorch {theirs.shape}")
    a, b = ours.ravel().astype("f8"), theirs.ravel().astype("f8")
    error = numpy.abs(a - b).max() / max(b.max() - b.min(), 1e-30)
    return a @ b / (numpy.linalg.norm(a) * numpy.linalg.norm(b)), error, ours_seconds, theirs_seconds


def run_pytorch(options):
    """In a process of its own, whose memory is free again afterwards."""
    case = {"model": str(options.folder / options.model), "part": options.parts[0], "precision": "f32", "threads": 2,
            "inputs": str(options.given)}
    given = {name: numpy.load(options.given / f"{name}.npy") for name in given_arrays(options.model, 64)}
    pytorch_peer.torch.set_grad_enabled(False)
    run = getattr(pytorch_peer, options.parts[0])(case, given)
    numpy.save(options.pytorch, numpy.asarray(run(), dtype=numpy.float32))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=list(SHAPES))
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("parts", nargs="*", default=PARTS)
    parser.add_argument("--weft", default=str(ROOT / "build" / "dev" / "weft"))
    parser.add_argument("--size", type=int, default=None)
    parser.add_argument("--single", action="store_true")
    parser.add_argument("--pytorch", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--given", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_intermixed_args()
    if options.pytorch:
        return run_pytorch(options)
    size = options.size or SHAPES[options.model]["size"]
    failed = 0
    for part in options.parts:
        with tempfile.TemporaryDirectory() as scratch:
            cosine, error, ours, theirs = compare(part, options, given_arrays(options.model, size), pathlib.Path(scratch))
        good = cosine >= LEAST_COSINE
        failed += not good
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
        print(f"{'ok  ' if good else 'FAIL'} {options.model} {part} at {size}x{size}: cosine {cosine:.8f}, most error "
              f"{error:.1e} of the range; weft {ours:.0f} s, PyTorch {theirs:.0f} s with loading; most memory so far {most:.1f} GB",
              flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
