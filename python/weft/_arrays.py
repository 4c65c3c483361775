"""What type checkers take for an array of another library."""

from __future__ import annotations

from typing import Any, Protocol, Union

import numpy as np


class TorchTensor(Protocol):
    """A tensor of torch, which weft does not import."""

    def detach(self) -> Any: ...

    def __dlpack__(self) -> Any: ...


Array = Union["np.ndarray[Any, Any]", TorchTensor]
