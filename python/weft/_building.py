"""Graphs that Python writes: wires, nodes with several outputs, Loop and If."""

from __future__ import annotations

import contextvars
import sys
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Tuple, Union

from . import _weft
from ._errors import ArgumentError, GraphError

if TYPE_CHECKING:
    from ._graph import Graph

_current: "contextvars.ContextVar[Optional[Graph]]" = contextvars.ContextVar(
    "weft_graph", default=None
)
_PACKAGE = __name__.rpartition(".")[0]
# Records, whose fields can be wired.
_RECORDS = ("step", "state", "any")


def current() -> "Optional[Graph]":
    """The graph that is being written here, or None."""
    return _current.get()


def enter(graph: "Graph") -> "contextvars.Token[Optional[Graph]]":
    return _current.set(graph)


def leave(token: "contextvars.Token[Optional[Graph]]") -> None:
    _current.reset(token)


def caller() -> Tuple[str, int]:
    """The file and line outside of this package that this call comes from."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__package__") == _PACKAGE:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def line_in(graph: "Graph") -> int:
    """The line of the caller, where it is in the file that the graph began in."""
    file, line = caller()
    return line if file == graph.file else 0


class Wire(_weft.Wire):
    """A value that a node of a graph under construction will give. Hand it to other nodes."""

    def __getattr__(self, name: str) -> "Wire":
        if name.startswith("_"):
            raise AttributeError(name)
        if name == self.wire_port and not self.wire_fields:
            return self  # the one output by its name
        if self.wire_type not in _RECORDS:
            raise AttributeError(
                f'"{self}" carries {self.wire_type}, which has no field "{name}"'
                if not self.wire_port
                else f'"{self}" has no output or field "{name}"; it carries {self.wire_type}'
            )
        return Wire(
            self.wire_graph, self.wire_node, self.wire_port, [*self.wire_fields, name], "any"
        )

    def __bool__(self) -> bool:
        raise TypeError(
            f'the value of "{self}" is not known while the graph is written; use weft.If'
        )

    def __iter__(self) -> Any:
        raise TypeError(
            f'the value of "{self}" is not known while the graph is written; use weft.Loop'
        )


class Node:
    """A node with several outputs, in a graph under construction: each is an attribute."""

    def __init__(self, graph: "Graph", id: str) -> None:
        self._graph = graph
        self._id = id

    @property
    def id(self) -> str:
        return self._id

    def _ports(self) -> Dict[str, str]:
        return dict(self._graph._handle.outputs_of(self._id))

    def __getitem__(self, name: str) -> Wire:
        ports = self._ports()
        if name not in ports:
            known = _weft.did_you_mean(name, list(ports))
            raise AttributeError(f'"{self._id}" has no output "{name}"{known}')
        return Wire(self._graph._handle, self._id, name, [], ports[name])

    def __getattr__(self, name: str) -> Wire:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __dir__(self) -> List[str]:
        return [*super().__dir__(), *self._ports()]

    def weft_several_outputs(self) -> str:
        names = ", ".join(self._ports())
        return f'"{self._id}", which has {"several outputs: " + names if names else "no output"}'

    def __repr__(self) -> str:
        return f"<weft.{type(self).__name__} {self._id}: {', '.join(self._ports())}>"


def one_or_node(graph: "Graph", id: str) -> Union[Wire, Node]:
    """The only output of a node, or an object with all of them."""
    ports = graph._handle.outputs_of(id)
    if len(ports) == 1:
        return Wire(graph._handle, id, "", [], ports[0][1])
    return Node(graph, id)


def add_node(
    graph: "Graph", type: str, inputs: Mapping[str, Any], ports: Mapping[str, Any], id: str
) -> Union[Wire, Node]:
    made = graph._handle.add_node(id, type, dict(inputs), dict(ports), line_in(graph))
    return one_or_node(graph, made)


def _graph_for(what: str) -> "Graph":
    graph = current()
    if graph is None:
        raise ArgumentError(
            f"weft.{what} is a part of a graph: use it under `with weft.Graph() as g:`; "
            "elsewhere Python has loops and conditions of its own"
        )
    return graph


class Loop(Node):
    """A loop in a graph under construction.

    ::

        with weft.Loop(over=times.steps, carry=dict(latent=start)) as loop:
            noise = weft.nodes.PredictNoise(denoiser=guide, latent=loop.latent, step=loop.item)
            ...
            loop.next(latent=step.latent)
            loop.collect(originals=step.original)
        image = weft.nodes.VaeDecode(vae=model.vae, latent=loop.latent)

    ``over`` is a list; ``while_`` names a carried bool that keeps the loop going. ``carry`` says
    what each carried name begins with (None: nothing yet), ``next`` what it becomes. In the body
    ``loop.item``, ``loop.index`` and the carried names are wires; after it, the carried names (what
    the last round left) and what was collected (a list).
    """

    def __init__(
        self,
        over: Any = None,
        carry: Optional[Mapping[str, Any]] = None,
        while_: str = "",
        max_rounds: Optional[int] = None,
        id: str = "",
    ) -> None:
        super().__init__(_graph_for("Loop"), id)
        self._inputs = {"over": over, "max_rounds": max_rounds}
        self._carry = dict(carry or {})
        self._while = while_
        self._next: Dict[str, Any] = {}
        self._collect: Dict[str, Any] = {}

    def __enter__(self) -> "Loop":
        graph = self._graph
        self._id = graph._handle.open_loop(
            self._id, self._inputs, self._carry, self._while, line_in(graph)
        )
        return self

    def next(self, **values: Any) -> None:
        """What the carried names become."""
        self._next.update(values)

    def collect(self, **values: Any) -> None:
        """One value of each round, as a list after the loop."""
        self._collect.update(values)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is not None:
            self._graph._handle.abandon()
            return
        self._graph._handle.close_loop(self._next, self._collect, line_in(self._graph))


def If(
    condition: Any,
    then: Callable[[], Mapping[str, Any]],
    otherwise: Callable[[], Mapping[str, Any]],
    id: str = "",
) -> Union[Wire, Node]:
    """One of two bodies in a graph under construction.

    Both functions add nodes and return the outputs by name::

        picked = weft.If(flag, then=lambda: dict(image=a), otherwise=lambda: dict(image=flip(b)))
    """
    graph = _graph_for("If")
    handle = graph._handle
    made = handle.open_if(id, {"condition": condition}, line_in(graph))
    try:
        handle.open_else(_branch("then", then), line_in(graph))
        outputs = _branch("otherwise", otherwise)
    except BaseException:
        handle.abandon()
        raise
    handle.close_if(outputs, line_in(graph))
    return one_or_node(graph, made)


def _branch(name: str, make: Callable[[], Mapping[str, Any]]) -> Dict[str, Any]:
    outputs = make()
    if not isinstance(outputs, Mapping):
        raise GraphError(f'"{name}" returns a dict of its outputs by name, not {outputs!r}')
    return dict(outputs)
