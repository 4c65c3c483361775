"""Nodes as functions: run at once, or added to the graph that is being written."""

from __future__ import annotations

import inspect
import warnings
from typing import Any, Dict, List

from . import _building, _weft
from ._errors import ArgumentError, NotFoundError, Notice
from ._ports import documentation, keyword_parameters, ports, python_name


class UnknownNodeError(NotFoundError, AttributeError):
    """There is no node of that name."""


def warn_of(notices: List[str], stacklevel: int) -> None:
    for notice in notices:
        warnings.warn(notice, Notice, stacklevel=stacklevel)


class Outputs:
    """The outputs of a node that has several (or none): each is an attribute."""

    def __init__(self, call: _weft.Call) -> None:
        self._call = call
        self._known: Dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._known:
            self._known[name] = self._call.output(name)
            warn_of(self._call.take_notices(), 3)
        return self._known[name]

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def __dir__(self) -> List[str]:
        return [*super().__dir__(), *self._call.names]

    def weft_several_outputs(self) -> str:
        names = ", ".join(self._call.names)
        return f"{self._call.type}, which has {'several outputs: ' + names if names else 'none'}"

    def __repr__(self) -> str:
        return f"<outputs of weft.nodes.{self._call.type}: {', '.join(self._call.names)}>"


class NodeFunction:
    """A node, or a composite, that is called with keyword arguments."""

    def __init__(self, contract: Dict[str, Any]) -> None:
        self.contract = contract
        self.type: str = contract["type"]
        self.declares_ports: bool = contract.get("declares_ports", False)
        self.inputs = ports(contract["inputs"])
        self.outputs = ports(contract["outputs"])
        self._renamed = [python_name(name) for name in self.inputs if python_name(name) != name]
        self.__name__ = self.__qualname__ = self.type
        self.__module__ = "weft.nodes"
        self.__doc__ = documentation(contract["doc"], self.inputs.values(), self.outputs.values())
        keyword_only = inspect.Parameter.KEYWORD_ONLY
        parameters = [
            *keyword_parameters(self.inputs.values()),
            inspect.Parameter("id", keyword_only, default="", annotation="str"),
        ]
        if self.declares_ports:
            parameters += [
                inspect.Parameter("ports", keyword_only, default={}, annotation="dict"),
                inspect.Parameter("inputs", inspect.Parameter.VAR_KEYWORD),
            ]
        self.__signature__ = inspect.Signature(parameters)

    def __call__(self, *positional: Any, id: str = "", **inputs: Any) -> Any:
        ports = inputs.pop("ports", {}) if self.declares_ports else {}
        if positional:
            names = ", ".join(f"{name}=…" for name in self.inputs)
            raise ArgumentError(f"{self.type} takes its inputs by name: {self.type}({names})")
        for name in self._renamed:
            if name in inputs:
                inputs[name[:-1]] = inputs.pop(name)
        graph = _building.current()
        if graph is not None:
            return _building.add_node(graph, self.type, inputs, ports, id)
        if ports:
            raise ArgumentError(f"{self.type}: nodes declare ports in graphs alone")
        for name, value in inputs.items():
            if isinstance(value, (_building.Wire, _building.Node)):
                raise ArgumentError(
                    f'{self.type}: "{name}" is a wire of a graph, which has no value yet; call '
                    "the node under `with` that graph, or run the graph"
                )
            if isinstance(value, Outputs):
                raise ArgumentError(f'{self.type}: "{name}" is fed by {value.weft_several_outputs()}')
        result, notices = _weft.call(self.type, inputs, "out")
        if notices:
            warn_of(notices, 3)
        return Outputs(result) if isinstance(result, _weft.Call) else result

    def __repr__(self) -> str:
        return f"<weft.nodes.{self.type}{self.__signature__}>"


_functions: Dict[str, NodeFunction] = {}


def forget(name: str) -> None:
    """The type has been registered anew."""
    _functions.pop(name, None)


def function(name: str) -> NodeFunction:
    """The node of that name."""
    found = _functions.get(name)
    if found is not None:
        return found
    graph = _building.current()
    try:
        contract = _weft.contract(name, graph.folder if graph is not None else ".")
    except NotFoundError as error:
        raise UnknownNodeError(str(error)) from None
    made = NodeFunction(contract)
    if graph is None:  # a composite beside a graph belongs to that graph alone
        _functions[name] = made
    return made


def names() -> List[str]:
    return sorted(contract["type"] for contract in _weft.contracts())
