"""Graphs: loaded from files or written in Python, looked at, run."""

from __future__ import annotations

import inspect
import os
from html import escape
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Union

from . import _building, _progress, _weft
from ._calls import warn_of
from ._errors import ArgumentError
from ._ports import Port, documentation, keyword_parameters, ports
from ._results import Results, RunInfo

_UNSET: Any = object()
_MEGABYTE = 1e6


class PlannedNode(NamedTuple):
    """A node in the order of a run."""

    path: str
    type: str
    outputs: Dict[str, str]  # what it gives, such as "tensor f32 [1, 4, 16, 16]"
    live_bytes: int  # after it
    peak_bytes: int  # the most so far
    kept_bytes: int  # of the weights that it packs: what a budget of memory keeps,
    streamed_bytes: int  # and what is packed for each use


class Memory(NamedTuple):
    """What a run within a budget of memory takes, for the whole process, in bytes."""

    budget_bytes: int  # 0: "low"
    least_bytes: int  # with no packed weights kept
    everything_bytes: int  # with all of them kept
    all_kept: bool


class Plan:
    """What a run would do: the order, what each node gives, and the peak of memory."""

    def __init__(self, described: Mapping[str, Any]) -> None:
        self.nodes: List[PlannedNode] = [PlannedNode(**node) for node in described["nodes"]]
        self.outputs: Dict[str, str] = described["outputs"]
        self.peak_bytes: int = described["peak_bytes"]  # of tensors and packed weights
        self.precision: str = described["precision"]
        memory = described.get("memory")
        self.memory: Optional[Memory] = None if memory is None else Memory(**memory)

    def _rows(self) -> List[Sequence[str]]:
        rows: List[Sequence[str]] = [("node", "type", "live", "gives")]
        for node in self.nodes:
            gives = "; ".join(
                f"{port}: {what}" if len(node.outputs) > 1 else what
                for port, what in node.outputs.items()
            )
            rows.append((node.path, node.type, f"{node.live_bytes / _MEGABYTE:.1f} MB", gives))
        return rows

    def __str__(self) -> str:
        rows = self._rows()
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = ["  ".join([*(row[i].ljust(widths[i]) for i in range(3)), row[3]]) for row in rows]
        lines.append(f"peak of tensors and weights: {self.peak_bytes / _MEGABYTE:.1f} MB")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<weft.Plan of {len(self.nodes)} nodes, {self.peak_bytes / _MEGABYTE:.1f} MB>"

    def _repr_html_(self) -> str:
        def line(row: Sequence[str], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{escape(x)}</{tag}>" for x in row) + "</tr>"

        head, *body = self._rows()
        rows = "".join(line(row, "td") for row in body)
        return (
            f"<table>{line(head, 'th')}{rows}</table>"
            f"<p>peak of tensors and weights: {self.peak_bytes / _MEGABYTE:.1f} MB</p>"
        )


class Graph:
    """A graph of nodes.

    ``weft.load("txt2img")`` reads one. To write one, call nodes under ``with``::

        with weft.Graph(title="Half") as g:
            image = weft.nodes.LoadImage(path=g.param("path", type="text"))
            g.output("image", weft.nodes.ResizeImage(image=image, width=64, height=64))
        g.run(path="photo.png").image

    Paths in it are relative to ``folder``. It draws itself in a notebook.
    """

    def __init__(self, title: str = "", doc: str = "", folder: Union[str, "os.PathLike[str]"] = ".") -> None:
        self._handle = _weft.Graph(title, doc, os.fspath(folder), _building.caller()[0])
        self._tokens: List[Any] = []

    @classmethod
    def _of(cls, handle: _weft.Graph) -> "Graph":
        graph = cls.__new__(cls)
        graph._handle = handle
        graph._tokens = []
        return graph

    # Writing it.

    def __enter__(self) -> "Graph":
        self._tokens.append(_building.enter(self))
        return self

    def __exit__(self, *error: Any) -> None:
        _building.leave(self._tokens.pop())

    def param(
        self,
        name: str,
        type: str = "",
        default: Any = _UNSET,
        doc: str = "",
        min: Optional[float] = None,
        max: Optional[float] = None,
        choices: Sequence[str] = (),
        like: str = "",
    ) -> _building.Wire:
        """Declares a param, which run() takes by name. ``like="node.port"`` takes type, default,
        range and doc from there."""
        fields = {"type": type, "doc": doc, "min": min, "max": max, "choices": list(choices), "like": like}
        if default is not _UNSET:
            fields["default"] = default
        given = self._handle.add_param(name, fields, _building.line_in(self))
        return _building.Wire(self._handle, "graph", name, [], given or "any")

    def output(self, name: str, source: Any) -> None:
        """Declares what the graph gives under this name."""
        self._handle.add_output(name, source, _building.line_in(self))

    # Looking at it.

    @property
    def title(self) -> str:
        return self._handle.title

    @property
    def file(self) -> str:
        """Where it was read from, or written."""
        return self._handle.file

    @property
    def folder(self) -> str:
        return self._handle.folder

    @property
    def params(self) -> Dict[str, Port]:
        """What run() takes, with types, defaults and docs."""
        return ports(self._handle.interface()[0])

    @property
    def inputs(self) -> Dict[str, Port]:
        """Every input of every node that run(set=…) may replace, as "node.port"."""
        return ports(self._handle.interface()[1])

    @property
    def outputs(self) -> Dict[str, Port]:
        """What run() gives."""
        return ports(self._handle.interface()[2])

    def to_json(self) -> str:
        """The graph in weft's format, for the command and other programs."""
        return self._handle.to_json()

    def save(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Writes it as a graph file."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.to_json())

    def svg(self) -> str:
        """A drawing."""
        return self._handle.draw()

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        title = f' "{self.title}"' if self.title else ""
        return f"<weft.Graph{title} of {len(self._handle.node_ids())} nodes>"

    # Using it.

    def check(
        self,
        *,
        set: Optional[Mapping[str, Any]] = None,
        precision: str = "",
        memory: str = "",
        **params: Any,
    ) -> None:
        """Raises GraphError with everything that is wrong; reads no weights."""
        self.plan(set=set, precision=precision, memory=memory, **params)

    def plan(
        self,
        *,
        set: Optional[Mapping[str, Any]] = None,
        precision: str = "",
        memory: str = "",
        **params: Any,
    ) -> Plan:
        """What a run would do, without running."""
        return Plan(self._handle.check(params, dict(set or {}), precision, memory))

    @property
    def run(self) -> "Runner":
        """Runs the graph: ``graph.run(prompt="…", seed=3)``. See help(graph.run)."""
        return Runner(self)


class Runner:
    """The function ``run`` of a graph."""

    _OPTIONS = (
        "set: values for inputs inside, as {\"node.port\": value}",
        "on_step: called with a weft.Round after every round of a loop; it may change what is"
        " carried, set inputs, or stop the loop",
        "on_progress: called with a weft.Progress",
        "on_preview: called with a weft.Image for every preview",
        "progress: True, False or \"auto\": bars by tqdm",
        "out: the folder for what nodes write",
        "precision: \"auto\", \"f32\" or \"bf16\": what networks compute in",
        "memory: the most that the process may take, such as \"4G\": weights for which it has no room"
        " are packed for each use; \"low\": none are kept",
        "allow_outside_paths: let nodes write outside of `out`",
    )

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def __call__(
        self,
        *,
        set: Optional[Mapping[str, Any]] = None,
        on_step: Optional[Callable[[_weft.Round], Any]] = None,
        on_progress: Optional[Callable[[_progress.Progress], Any]] = None,
        on_preview: Optional[Callable[[Any], Any]] = None,
        progress: Union[bool, str] = "auto",
        out: Union[str, "os.PathLike[str]"] = "out",
        precision: str = "",
        memory: str = "",
        allow_outside_paths: bool = False,
        **params: Any,
    ) -> Results:
        handle = self._graph._handle
        self._check_names(params)
        hear = _progress.choose(progress, on_progress)
        try:
            done = handle.run(
                params,
                dict(set or {}),
                precision,
                memory,
                os.fspath(out),
                allow_outside_paths,
                on_step,
                None if hear is None else lambda *fields: hear(_progress.Progress(*fields)),
                None if on_preview is None else lambda node, index, image: on_preview(image),
            )
        finally:
            if isinstance(hear, _progress.Bars):
                hear.close()
        warn_of(done["notices"], 3)
        info = RunInfo(done["seconds"], done["peak_bytes"], done["files"], done["description"])
        return Results(done["outputs"], info)

    def _check_names(self, params: Mapping[str, Any]) -> None:
        if not params:
            return
        known = self._graph.params
        for name in params:
            if name not in known:
                options = [option.partition(":")[0] for option in self._OPTIONS]
                near = _weft.did_you_mean(name, [*known, *options])
                raise ArgumentError(f'the graph has no param "{name}"{near}')

    @property
    def __signature__(self) -> inspect.Signature:
        options = list(inspect.signature(type(self).__call__).parameters.values())[1:-1]
        try:
            params = keyword_parameters(self._graph.params.values())
        except Exception:  # a graph with mistakes has no params to show
            params = []
        return inspect.Signature([*params, *options])

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        graph = self._graph
        try:
            text = documentation(graph.title, graph.params.values(), graph.outputs.values())
        except Exception:
            text = graph.title
        return "\n".join([text, "", "Options:", *("    " + option for option in self._OPTIONS)])

    def __repr__(self) -> str:
        return f"<run{self.__signature__} of {self._graph!r}>"


def load(path: Union[str, "os.PathLike[str]"]) -> Graph:
    """The graph in a file, or an installed one by name: ``weft.load("txt2img")``."""
    return Graph._of(_weft.Graph.load(os.fspath(path)))


def from_json(text: str, folder: Union[str, "os.PathLike[str]"] = ".") -> Graph:
    """The graph in a text; paths in it are relative to ``folder``."""
    return Graph._of(_weft.Graph.from_json(text, os.fspath(folder)))
