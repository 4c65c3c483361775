"""All nodes as functions: ``weft.nodes.VaeDecode(vae=…, latent=…)``.

Called as such, a node runs at once and gives its output, or an object with several. Called under
``with weft.Graph() as g:``, it becomes a part of the graph, and its outputs are wires.
``dir(weft.nodes)`` lists them, ``help(weft.nodes.VaeDecode)`` says what one takes and gives.
"""

from __future__ import annotations

from typing import Any, List

from . import _calls


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    return _calls.function(name)


def __dir__() -> List[str]:
    return _calls.names()
