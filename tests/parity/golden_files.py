"""Where goldens lie and how they are written: the same bytes for the same content."""

import json
import pathlib

import torch
import zstandard
from safetensors.torch import save

GOLDENS = pathlib.Path(__file__).resolve().parent.parent / "goldens"


def contiguous(tensors):
    return {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}


def write_safetensors(path, tensors, metadata=None):
    """Writes `tensors`; a name ending in .zst is compressed with zstd at level 19."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = save(contiguous(tensors), metadata=metadata)
    if path.suffix == ".zst":
        data = zstandard.ZstdCompressor(level=19).compress(data)
    path.write_bytes(data)


def write_json(path, value):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")


def write_rows(path, head, name, rows):
    """Writes a JSON object whose list `name` has one row a line, so that a diff can be read."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["{"]
    lines += [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    lines.append(f" {json.dumps(name)}: [")
    lines += [f"  {json.dumps(row)}{',' if i + 1 < len(rows) else ''}" for i, row in enumerate(rows)]
    lines += [" ]", "}"]
    path.write_text("\n".join(lines) + "\n")


class TensorPool:
    """Tensors kept once however many cases share them; `add` answers the key."""

    def __init__(self):
        self.tensors = {}
        self._keys = {}

    def add(self, prefix, tensor):
        tensor = tensor.detach().contiguous()
        identity = (prefix, tuple(tensor.shape), tensor.numpy().tobytes())
        if identity not in self._keys:
            key = f"{prefix}.{sum(k.startswith(prefix + '.') for k in self.tensors)}"
            self._keys[identity] = key
            self.tensors[key] = tensor.clone()
        return self._keys[identity]


def generator(seed):
    return torch.Generator("cpu").manual_seed(seed)
