"""What travels on wires, by name: for annotations of nodes, and for isinstance.

``weft.types.Latent``, ``weft.types.Image`` … are tensors; ``weft.types.Step`` is a record; the
others, such as ``weft.types.Unet``, are objects that are handed on.
"""

from __future__ import annotations

from typing import Any, List

from . import _values
from ._values import (
    Conditioning,
    Image,
    Latent,
    Mask,
    Object,
    Record,
    Scheduler,
    State,
    Step,
    Tensor,
    Tokens,
)

__all__ = [
    "Conditioning",
    "Image",
    "Latent",
    "Mask",
    "Object",
    "Record",
    "Scheduler",
    "State",
    "Step",
    "Tensor",
    "Tokens",
]


def type_name(cls_name: str) -> str:
    """"SchedulerConfig" → "scheduler_config"."""
    parts = []
    for i, letter in enumerate(cls_name):
        parts.append("_" + letter.lower() if letter.isupper() and i > 0 else letter.lower())
    return "".join(parts)


def __getattr__(name: str) -> Any:
    if name.startswith("_") or not name[:1].isupper():
        raise AttributeError(name)
    return _values.object_class(type_name(name))


def __dir__() -> List[str]:
    return sorted({*__all__, *(cls.__name__ for cls in _values.OBJECT_TYPES.values())})
