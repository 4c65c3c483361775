"""Compares weft with diffusers at real shapes, in f32, on random weights under their true names.

  python tests/parity/full_size.py sd15 FOLDER [--weft build/dev/weft] [--size 512] [part …]

FOLDER is where tests/bench/full_size_models.py has written the model. Parts: text, text_2 (SDXL's second
encoder and its pooled embedding), unet (one step, with guidance), vae_decode. Each runs in a process of
its own, one at a time, and all get the same inputs; weft reads the folder, then the single file. The
cosine must be at least 0.9999. --size in pixels, where memory is short. Exit code 0 only if all passed,
77 where PyTorch is not installed.
"""

import argparse
import json
import pathlib
import resource
import shutil
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
END = 49407
# Of each part that encodes text: what the model's tokenizer fills texts up with.
SHAPES = {
    "sd15": dict(size=512, text=768, pooled=0, pads={"text": END}, parts=["text", "unet", "vae_decode"]),
    "sd21": dict(size=768, text=1024, pooled=0, pads={"text": 0}, parts=["text", "unet", "vae_decode"]),
    "sdxl": dict(size=1024, text=2048, pooled=1280, pads={"text": END, "text_2": 0},
                 parts=["text", "text_2", "unet", "vae_decode"]),
}


def given_arrays(model, part, size):
    """What both get: latents, hidden states of texts, token ids."""
    shape, random = SHAPES[model], numpy.random.default_rng(1)
    normal = lambda *dims: random.standard_normal(dims, dtype=numpy.float32)
    arrays = {"latent": normal(1, 4, size // 8, size // 8)}
    for text in ("negative", "positive"):
        arrays[text] = normal(1, 77, shape["text"])
        if shape["pooled"]:
            arrays[f"pooled_{text}"] = normal(1, shape["pooled"])
    arrays["tokens"] = random.integers(0, 49405, (1, 77), dtype=numpy.int32)
    arrays["tokens"][:, 0], arrays["tokens"][:, 60], arrays["tokens"][:, 61:] = END - 1, END, shape["pads"].get(part, END)
    return arrays


def weft_graph(part, path, given):
    """The graph of one part; arrays lie beside it as NAME.npy."""
    tensor = lambda name, kind: node("LoadTensor", {"path": f"{name}.npy", "as": kind})
    nodes = {"model": node("LoadModel", {"path": str(path)})}
    results = {"result": "result"}
    if part in ("text", "text_2"):
        sdxl = any(name.startswith("pooled") for name in given)
        nodes["tokens"] = tensor("tokens", "tokens")
        nodes["result"] = node("ClipEncode", {"penultimate": sdxl}, clip="model.clip" + part.removeprefix("text"), tokens="tokens")
        nodes["told"] = node("ConditioningTensors", conditioning="result")
        results = {"result": "told.tokens"}
        if part == "text_2":
            results["pooled"] = "told.pooled"
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
    for name, wire in results.items():
        nodes[f"save_{name}"] = node("SaveTensor", {"path": f"{name}.npy"}, value=wire)
    return graph(part, nodes)


def text_states(case, given):
    """What SDXL takes of an encoder: the states before its last layer, and the second one's pooled text."""
    transformers, torch = pytorch_peer.transformers, pytorch_peer.torch
    second = case["part"] == "text_2"
    kind = transformers.CLIPTextModelWithProjection if second else transformers.CLIPTextModel
    folder = pathlib.Path(case["model"]) / case["part"].replace("text", "text_encoder")
    encoder = kind.from_pretrained(folder, dtype=torch.float32).eval()
    said = encoder(torch.from_numpy(given["tokens"]).long(), output_hidden_states=True)
    return [said.hidden_states[-2]] + ([said.text_embeds] if second else [])


def flat(arrays):
    return numpy.concatenate([numpy.asarray(array, dtype=numpy.float32).ravel() for array in arrays])


def compare(part, options, given, scratch):
    """Runs PyTorch once, and weft with each layout; yields the layout, the cosine and what it took."""
    path = options.folder / options.model
    for name, array in given.items():
        numpy.save(scratch / f"{name}.npy", array)
    begin = time.perf_counter()
    subprocess.run([sys.executable, __file__, options.model, options.folder, "--pytorch", scratch / "pytorch.npy", part,
                    "--given", scratch], check=True, stdout=subprocess.DEVNULL)
    theirs_seconds = time.perf_counter() - begin
    theirs = numpy.load(scratch / "pytorch.npy")
    for layout, at in {"folder": path, "single file": path.with_suffix(".safetensors")}.items():
        if not at.exists():
            raise SystemExit(f"{at} is missing; tests/bench/full_size_models.py makes it")
        (scratch / "graph.json").write_text(json.dumps(weft_graph(part, at.resolve(), given)))
        begin = time.perf_counter()
        subprocess.run([options.weft, "run", scratch / "graph.json", "--precision", "f32", "--out", scratch / "out"],
                       check=True, stdout=subprocess.DEVNULL)
        ours_seconds = time.perf_counter() - begin
        names = ["result", "pooled"] if part == "text_2" else ["result"]
        ours = flat(numpy.load(scratch / "out" / f"{name}.npy") for name in names)
        shutil.rmtree(scratch / "out")
        if ours.size != theirs.size:
            raise SystemExit(f"{part}: weft gives {ours.size} numbers, PyTorch {theirs.size}")
        a, b = ours.astype("f8"), theirs.astype("f8")
        error = numpy.abs(a - b).max() / max(b.max() - b.min(), 1e-30)
        yield layout, a @ b / (numpy.linalg.norm(a) * numpy.linalg.norm(b)), error, ours_seconds, theirs_seconds


def run_pytorch(options):
    """In a process of its own, whose memory is free again afterwards."""
    case = {"model": str(options.folder / options.model), "part": options.parts[0], "precision": "f32", "threads": 2,
            "inputs": str(options.given)}
    given = {name: numpy.load(options.given / f"{name}.npy") for name in given_arrays(options.model, options.parts[0], 64)}
    pytorch_peer.torch.set_grad_enabled(False)
    if options.parts[0].startswith("text") and options.model == "sdxl":
        results = text_states(case, given)
    else:
        results = [getattr(pytorch_peer, options.parts[0])(case, given)()]
    numpy.save(options.pytorch, flat(results))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=list(SHAPES))
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("parts", nargs="*")
    parser.add_argument("--weft", default=str(ROOT / "build" / "dev" / "weft"))
    parser.add_argument("--size", type=int, default=None)
    parser.add_argument("--pytorch", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--given", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_intermixed_args()
    if options.pytorch:
        return run_pytorch(options)
    size = options.size or SHAPES[options.model]["size"]
    failed = 0
    for part in options.parts or SHAPES[options.model]["parts"]:
        with tempfile.TemporaryDirectory() as scratch:
            given = given_arrays(options.model, part, size)
            for layout, cosine, error, ours, theirs in compare(part, options, given, pathlib.Path(scratch)):
                good = cosine >= LEAST_COSINE
                failed += not good
                most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
                print(f"{'ok  ' if good else 'FAIL'} {options.model} {layout} {part} at {size}x{size}: cosine {cosine:.8f}, "
                      f"most error {error:.1e} of the range; weft {ours:.0f} s, PyTorch {theirs:.0f} s with loading; "
                      f"most memory so far {most:.1f} GB", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
