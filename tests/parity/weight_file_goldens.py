"""Weight files as torch.save and the gguf package write them, and what those read back from them.

Beside each file lies NAME.safetensors with its tensors as PyTorch (or gguf.dequantize) gives them.
"""

import argparse
import io
import zipfile
from collections import OrderedDict

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type

from golden_files import GOLDENS, generator, write_safetensors

FOLDER = GOLDENS / "weights"


class ModelCheckpoint:
    """Stands for the objects of training programs that checkpoints carry along."""

    def __init__(self):
        self.best = 0.25
        self.path = "somewhere"


class Affine(torch.nn.Module):
    """A module of its own: legacy files carry the source of each module's class along."""

    def __init__(self, below=None):
        super().__init__()
        self.weight = torch.nn.Parameter(randn(7, 2, 3))
        self.register_buffer("shift", randn(8, 3))
        self.below = below


def randn(seed, *shape, dtype=torch.float32):
    return torch.randn(shape, generator=generator(seed)).to(dtype)


def network():
    model = torch.nn.Sequential(OrderedDict(conv=torch.nn.Conv2d(2, 3, 3), norm=torch.nn.BatchNorm2d(3)))
    for i, parameter in enumerate(model.parameters()):
        parameter.data = randn(i, *parameter.shape)
    return model


def types():
    numbers = torch.arange(-3, 4)
    kinds = [torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32, torch.int16, torch.int8]
    tensors = {str(kind).removeprefix("torch."): numbers.to(kind) for kind in kinds}
    return {**tensors, "uint8": torch.arange(5, dtype=torch.uint8), "bool": torch.tensor([True, False, True])}


def views():
    base = randn(1, 4, 6)
    return {
        "whole": base,
        "transposed": base.t(),
        "slice": base[1:3, 2:5],
        "row": base[2],
        "every_second": base[:, ::2],
        "channels_last": randn(2, 2, 3, 4, 5).to(memory_format=torch.channels_last),
        "permuted_half": randn(3, 2, 3, 4, dtype=torch.float16).permute(2, 0, 1),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 4),
    }


def lightning():
    return {
        "epoch": 3,
        "global_step": 470_000,
        "pytorch-lightning_version": "1.4.2",
        "state_dict": network().state_dict(),
        "callbacks": {ModelCheckpoint: {"best": torch.tensor(0.5), "object": ModelCheckpoint()}},
        "optimizer_states": [{"state": {0: {"exp_avg": randn(9, 3)}}, "param_groups": [{"lr": 1e-4}]}],
        "hyper_parameters": argparse.Namespace(rate=np.float64(0.5), steps=np.arange(3)),
    }


def embedding(values):
    return {"string_to_token": {"*": 265}, "string_to_param": values, "name": "style", "step": 1999}


TORCH = {
    "state_dict": (network().state_dict, lambda: network().state_dict()),
    "types": (types, types),
    "views": (views, views),
    "lightning": (lightning, lambda: lightning()["state_dict"]),
    "parameters": (lambda: {"w": torch.nn.Parameter(randn(4, 3, 2))}, lambda: {"w": randn(4, 3, 2)}),
    "embedding": (
        lambda: embedding({"*": torch.nn.Parameter(randn(5, 2, 4))}),
        lambda: {"string_to_param.*": randn(5, 2, 4)},
    ),
    "parameter_dict": (
        lambda: embedding(torch.nn.ParameterDict({"*": torch.nn.Parameter(randn(5, 2, 4))})),
        lambda: {"string_to_param.*": randn(5, 2, 4)},
    ),
    "module": (lambda: Affine(Affine()), lambda: Affine(Affine()).state_dict()),
    "single": (lambda: randn(6, 3), lambda: {"value": randn(6, 3)}),
}


def save(value, legacy):
    data = io.BytesIO()
    torch.save(value, data, _use_new_zipfile_serialization=not legacy)
    return data.getvalue()


def of_big_endian_machine(data):
    """The same archive as a big-endian machine writes it; its tensors must all be f32."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(result, "w") as target:
        for member in source.infolist():
            held = source.read(member)
            if member.filename.endswith("/byteorder"):
                held = b"big"
            elif "/data/" in member.filename:
                held = np.frombuffer(held, "<f4").astype(">f4").tobytes()
            target.writestr(zipfile.ZipInfo(member.filename), held)
    return result.getvalue()


BLOCK_BYTES = {Type.Q8_0: 34, Type.Q4_0: 18, Type.Q4_1: 20, Type.Q5_0: 22, Type.Q5_1: 24}
# Where the f16 scales of the K blocks lie, which the gguf package cannot write itself.
K_SCALES = {Type.Q4_K: (0, 2), Type.Q5_K: (0, 2), Type.Q6_K: (208,)}


def k_blocks(random, kind, rows):
    size = gguf.GGML_QUANT_SIZES[kind][1]
    blocks = random.integers(0, 256, (rows, size), dtype=np.uint8)
    for at in K_SCALES[kind]:
        scales = random.standard_normal(rows).astype(np.float16)
        blocks[:, at : at + 2] = scales.view(np.uint8).reshape(rows, 2)
    return blocks


def make_gguf():
    random = np.random.default_rng(7)
    path = FOLDER / "types.gguf"
    writer = gguf.GGUFWriter(path, "sd1")
    writer.add_name("types")
    writer.add_array("sizes", [1, 2, 3])
    # ComfyUI-GGUF stores such tensors in rows of 256 and keeps the true shape beside them.
    writer.add_array("comfy.gguf.orig_shape.reshaped", [4, 8, 16])
    expected = {}

    def add(name, data, kind, shape=None):
        raw = data if kind in (Type.F32, Type.F16) else data.view(np.uint8)
        writer.add_tensor(name, raw, raw_dtype=kind)
        plain = gguf.dequantize(data, kind)
        expected[name] = torch.from_numpy(np.array(plain, np.float32).reshape(shape or plain.shape))

    def noise(*shape):
        return random.standard_normal(shape).astype(np.float32)

    add("F32", noise(3, 5), Type.F32)
    add("F16", noise(2, 3, 4).astype(np.float16), Type.F16)
    add("BF16", gguf.quantize(noise(2, 6), Type.BF16), Type.BF16)
    for kind in BLOCK_BYTES:
        add(kind.name, gguf.quantize(noise(2, 64), kind), kind)
    for kind in K_SCALES:
        add(kind.name, k_blocks(random, kind, 3).reshape(3, -1), kind)
    add("reshaped", k_blocks(random, Type.Q4_K, 2).reshape(2, -1), Type.Q4_K, (4, 8, 16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    expected["F16"] = expected["F16"].to(torch.float16)
    expected["BF16"] = expected["BF16"].to(torch.bfloat16)
    write_safetensors(path.with_suffix(".gguf.safetensors"), expected)


def make():
    FOLDER.mkdir(parents=True, exist_ok=True)
    with torch.enable_grad():
        for name, (value, tensors) in TORCH.items():
            # Legacy files of PyTorch's own modules hold PyTorch's source, which has no place here.
            for legacy in (False, True) if name != "parameter_dict" else (False,):
                path = FOLDER / f"{name}{'_legacy' if legacy else ''}.pt"
                path.write_bytes(save(value(), legacy))
            write_safetensors(FOLDER / f"{name}.safetensors", tensors())
    big = FOLDER / "big_endian.pt"
    plain = {"w": randn(8, 3, 5), "transposed": randn(8, 3, 5).t()}
    big.write_bytes(of_big_endian_machine(save(plain, False)))
    read = torch.load(big)
    assert all(torch.equal(read[name], tensor) for name, tensor in plain.items())
    write_safetensors(FOLDER / "big_endian.safetensors", plain)
    make_gguf()
    return f"{2 * len(TORCH) + 1} files"
