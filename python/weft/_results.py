"""What a run gives."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, NamedTuple

from . import _weft
from ._errors import NotFoundError


class RunInfo(NamedTuple):
    """What there is to know of a run besides its outputs."""

    seconds: float
    peak_bytes: int  # of tensors and packed weights
    files: List[str]  # that nodes have written
    description: str  # the whole graph with its values, as JSON


class Results:
    """The outputs of a graph, as attributes and items.

    With one output it shows itself as that, and hands on its attributes: ``result.save("a.png")``,
    ``np.asarray(result)``.
    """

    def __init__(self, outputs: Dict[str, Any], info: RunInfo) -> None:
        self._outputs = outputs
        self.info = info

    def __getitem__(self, name: str) -> Any:
        if name not in self._outputs:
            near = _weft.did_you_mean(str(name), list(self._outputs))
            raise NotFoundError(f'the graph has no output "{name}"{near}')
        return self._outputs[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_outputs":
            raise AttributeError(name)
        if name in self._outputs:
            return self._outputs[name]
        if len(self._outputs) == 1 and hasattr(self._only(), name):
            return getattr(self._only(), name)
        near = _weft.did_you_mean(name, list(self._outputs))
        raise AttributeError(f'the graph has no output "{name}"{near}')

    def _only(self) -> Any:
        if len(self._outputs) != 1:
            names = ", ".join(self._outputs)
            raise TypeError(f"the graph has several outputs; choose one of: {names}")
        return next(iter(self._outputs.values()))

    def keys(self) -> Any:
        return self._outputs.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self._outputs)

    def __len__(self) -> int:
        return len(self._outputs)

    def __contains__(self, name: object) -> bool:
        return name in self._outputs

    def __dir__(self) -> List[str]:
        return [*super().__dir__(), *self._outputs]

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        import numpy as np

        array = np.asarray(self._only(), dtype=dtype)
        return array.copy() if copy else array

    def _repr_png_(self) -> Any:
        if len(self._outputs) != 1 or not hasattr(self._only(), "_repr_png_"):
            return None
        return self._only()._repr_png_()

    def __repr__(self) -> str:
        outputs = ", ".join(f"{name}={value!r}" for name, value in self._outputs.items())
        return f"<weft.Results {outputs}; {self.info.seconds:.2f} s>"
