"""weft: diffusion pipelines as graphs of nodes.

::

    import weft

    weft.load("txt2img").run(prompt="a red circle left of a blue square", seed=3).image

``weft.nodes`` holds all nodes as functions, ``weft.types`` the types of what they give.
"""

from __future__ import annotations

import os as _os

# Threads that wait spin for some tens of microseconds, then sleep; the OpenMP runtime reads this when it is loaded.
_waiting = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "2000"}
_unset = not any(_name in _os.environ for _name in _waiting)
if _unset:
    _os.environ.update(_waiting)
from . import _weft  # noqa: E402

if _unset:
    for _name in _waiting:
        del _os.environ[_name]

from . import _prefix  # noqa: E402
from ._errors import (  # noqa: E402
    ArgumentError,
    Error,
    GraphError,
    NotFoundError,
    Notice,
    Problem,
    RunError,
)

_weft.start(_prefix.PREFIX, _os.environ.get("WEFT_MODELS", ""))

from . import nodes, types  # noqa: E402
from ._building import If, Loop, Node, Wire  # noqa: E402
from ._calls import UnknownNodeError  # noqa: E402
from ._graph import Graph, Plan, from_json, load  # noqa: E402
from ._interchange import conditioning, scheduler_config  # noqa: E402
from ._node import Range, TypeName, node  # noqa: E402
from ._ports import Port  # noqa: E402
from ._progress import Progress  # noqa: E402
from ._results import Results, RunInfo  # noqa: E402
from ._values import (  # noqa: E402
    Conditioning,
    Image,
    Object,
    Record,
    Scheduler,
    Step,
    Tensor,
    TensorSpec,
    from_dlpack,
)

Round = _weft.Round
__version__: str = _weft.version


def set_threads(count: int) -> None:
    """How many threads this process computes with; 0: one for each core. Results are the same."""
    _weft.set_threads(count)


def threads() -> int:
    """How many threads this process computes with."""
    return _weft.threads()


def set_precision(precision: str) -> None:
    """What networks compute in where a run does not say: "auto", "f32" or "bf16"."""
    _weft.set_precision(precision)


def precision() -> str:
    """What networks compute in where a run does not say: "f32" or "bf16"."""
    return _weft.precision()


def set_memory(memory: str) -> None:
    """The most that this process may take where a run does not say: such as "4G" or "400M", "low" to
    keep no packed weights, "" for no limit."""
    _weft.set_memory(memory)


__all__ = [
    "ArgumentError",
    "Conditioning",
    "Error",
    "Graph",
    "GraphError",
    "If",
    "Image",
    "Loop",
    "Node",
    "NotFoundError",
    "Notice",
    "Object",
    "Plan",
    "Port",
    "Problem",
    "Progress",
    "Range",
    "Record",
    "Results",
    "Round",
    "RunError",
    "RunInfo",
    "Scheduler",
    "Step",
    "Tensor",
    "TensorSpec",
    "TypeName",
    "UnknownNodeError",
    "Wire",
    "conditioning",
    "from_dlpack",
    "from_json",
    "load",
    "node",
    "nodes",
    "precision",
    "scheduler_config",
    "set_memory",
    "set_precision",
    "set_threads",
    "threads",
    "types",
]
