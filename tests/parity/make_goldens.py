"""Writes tests/goldens from PyTorch, diffusers and transformers, on a CPU, always the same.

  python tests/parity/make_goldens.py                 all families
  python tests/parity/make_goldens.py clip unet       only these
  python tests/parity/make_goldens.py unet:unet_sd1   one model of a family

Families: randn schedulers samplers tokenizer clip unet vae tiny_vae runs families lora textual_inversion guidance fewer weights.
Needs torch, diffusers, transformers, peft, safetensors, scipy, zstandard, Pillow and (for weights) gguf.
"""

import argparse
import importlib
import os
import platform
import sys
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")

FAMILIES = {
    "randn": ("randn_goldens", "make"),
    "schedulers": ("scheduler_goldens", "make"),
    "samplers": ("sampler_goldens", "make"),
    "tokenizer": ("tokenizer_goldens", "make"),
    "clip": ("model_goldens", "make_clip"),
    "unet": ("model_goldens", "make_unet"),
    "vae": ("model_goldens", "make_vae"),
    "tiny_vae": ("model_goldens", "make_tiny_vae"),
    "runs": ("run_goldens", "make"),
    "families": ("family_goldens", "make"),
    "lora": ("lora_goldens", "make"),
    "textual_inversion": ("textual_inversion_goldens", "make"),  # with the tokenizer's vocabulary
    "weights": ("weight_file_goldens", "make"),
    "guidance": ("guidance_goldens", "make"),  # on the models of unet
    "fewer": ("fewer_goldens", "make"),  # likewise
}


def versions():
    import importlib.metadata as metadata

    names = ["torch", "diffusers", "transformers", "tokenizers", "safetensors", "numpy", "scipy", "zstandard", "pillow", "gguf"]
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in names}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", metavar="family", help=" ".join(FAMILIES))
    chosen = parser.parse_args().families or list(FAMILIES)
    unknown = [name for name in chosen if name.partition(":")[0] not in FAMILIES]
    if unknown:
        sys.exit(f"make_goldens: no family {', '.join(unknown)}; there are {', '.join(FAMILIES)}")

    import torch

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.set_grad_enabled(False)
    import diffusers

    diffusers.logging.set_verbosity_error()
    from golden_files import GOLDENS, write_json

    for name in chosen:
        family, _, only = name.partition(":")
        module, function = FAMILIES[family]
        start = time.monotonic()
        said = getattr(importlib.import_module(module), function)(*([only] if only else []))
        print(f"{name}: {said} ({time.monotonic() - start:.0f} s)", flush=True)
    write_json(GOLDENS / "VERSIONS.json", versions())
    total = sum(path.stat().st_size for path in GOLDENS.rglob("*") if path.is_file())
    print(f"tests/goldens holds {total / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
