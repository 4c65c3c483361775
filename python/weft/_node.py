"""Nodes that are written in Python."""

from __future__ import annotations

import functools
import inspect
import re
import sys
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Set, Union, overload

import numpy as np

from . import _calls, _values, _weft
from ._errors import ArgumentError

if sys.version_info >= (3, 10):
    from types import UnionType
else:
    UnionType = Union
from typing import Annotated, Literal, get_args, get_origin


class Range(NamedTuple):
    """The least and the most that a number may be, inclusive: ``Annotated[float, Range(0, 1)]``."""

    min: Optional[float] = None
    max: Optional[float] = None


class TypeName(str):
    """The name of a port's type, where no class stands for it: ``Annotated[Any, TypeName("x")]``."""


_SCALARS = {bool: "bool", int: "int", float: "float", str: "text", Any: "any", np.ndarray: "tensor"}
_registered: Set[str] = set()


def _type_of_class(cls: Any) -> str:
    if cls in _SCALARS:
        return _SCALARS[cls]
    for table in (_values.TENSOR_TYPES, _values.RECORD_TYPES, _values.OBJECT_TYPES):
        for name, known in table.items():
            if cls is known:
                return name
    raise ArgumentError(
        f"{getattr(cls, '__name__', cls)!r} is no type of a port: use int, float, str, bool, list, "
        "typing.Any, weft.Tensor, or one of weft.types"
    )


def _port(name: str, annotation: Any) -> Dict[str, Any]:
    """An annotation as a port."""
    port: Dict[str, Any] = {
        "name": name,
        "type": "",
        "doc": "",
        "required": True,
        "default": None,
        "min": None,
        "max": None,
        "choices": [],
    }
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        port = _port(name, arguments[0]) if TypeName not in map(type, arguments[1:]) else port
        for extra in arguments[1:]:
            if isinstance(extra, Range):
                port["min"], port["max"] = extra
            elif isinstance(extra, TypeName):
                port["type"] = str(extra)
            elif isinstance(extra, str):
                port["doc"] = extra
        return port
    if origin is Union or origin is UnionType:
        inner = [argument for argument in arguments if argument is not type(None)]
        if len(inner) == 1 and len(arguments) == 2:
            return {**_port(name, inner[0]), "required": False}
        raise ArgumentError(f"{annotation} is several types; a port has one: use typing.Any")
    if origin is Literal:
        if not all(isinstance(choice, str) for choice in arguments):
            raise ArgumentError("the choices of a port are text")
        return {**port, "type": "text", "choices": list(arguments)}
    if origin in (list, List):
        return {**port, "type": f"list<{_port(name, arguments[0])['type']}>"}
    if origin is np.ndarray:
        return {**port, "type": "tensor"}
    return {**port, "type": _type_of_class(annotation)}


def _annotations(function: Callable[..., Any]) -> Dict[str, Any]:
    """As types.get_type_hints, but of anything that can be evaluated: a dict of outputs too."""
    closure = inspect.getclosurevars(function)
    names = {**getattr(function, "__globals__", {}), **closure.nonlocals}
    return {
        name: eval(annotation, names) if isinstance(annotation, str) else annotation  # noqa: S307
        for name, annotation in function.__annotations__.items()
    }


def _inputs(function: Callable[..., Any], annotations: Mapping[str, Any]) -> List[Dict[str, Any]]:
    inputs = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ArgumentError(f'"{name}": the inputs of a node have names: no * or **')
        if name == "id":
            raise ArgumentError('"id" is reserved: it names the node in a graph')
        if name not in annotations:
            raise ArgumentError(f'"{name}" needs an annotation: it says the type of the port')
        port = _port(name, annotations[name])
        if parameter.default is not parameter.empty:
            port["required"] = False
            port["default"] = parameter.default
        inputs.append(port)
    return inputs


def _outputs(annotation: Any) -> List[Dict[str, Any]]:
    if annotation is None or annotation is type(None):
        return []
    if isinstance(annotation, Mapping):
        return [_port(name, inner) for name, inner in annotation.items()]
    fields = getattr(annotation, "_fields", None)
    if fields is not None:  # a NamedTuple
        hints = _annotations_of_class(annotation)
        return [_port(name, hints[name]) for name in fields]
    port = _port("", annotation)
    scalar = port["type"] in _SCALARS.values() or port["type"].startswith("list<")
    return [{**port, "name": "value" if scalar else port["type"]}]


def _annotations_of_class(cls: Any) -> Dict[str, Any]:
    names = vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}
    return {
        name: eval(hint, dict(names)) if isinstance(hint, str) else hint  # noqa: S307
        for name, hint in cls.__annotations__.items()
    }


def _named(type_name: str, names: List[str], result: Any) -> Dict[str, Any]:
    """What a function returned, by the names of the outputs."""
    if not names:
        return {}
    if isinstance(result, tuple) and len(names) > 1 and len(result) == len(names):
        return dict(zip(names, result))
    if len(names) == 1 and not (isinstance(result, Mapping) and set(result) == set(names)):
        return {names[0]: result}
    if not isinstance(result, Mapping) or set(result) != set(names):
        got = ", ".join(map(str, result)) if isinstance(result, Mapping) else repr(result)
        raise TypeError(f"{type_name} returns {', '.join(names)}, not {got}")
    return dict(result)


class PythonNode(_calls.NodeFunction):
    """A node that a Python function computes; ``__wrapped__`` is the function."""

    def __init__(self, function: Callable[..., Any], contract: Dict[str, Any]) -> None:
        super().__init__(contract)
        self.__wrapped__ = function
        self.__module__ = function.__module__

    def __call__(self, *positional: Any, id: str = "", **inputs: Any) -> Any:
        if positional:
            inputs.update(zip(self.inputs, positional))
        return super().__call__(id=id, **inputs)


def _register(
    function: Callable[..., Any],
    name: str,
    category: str,
    version: int,
    effect: bool,
    infer: Optional[Callable[..., Any]],
) -> PythonNode:
    type_name = name or _values.class_name(function.__name__)
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", type_name):
        raise ArgumentError(f'"{type_name}" is no name of a node: those look like "VaeDecode"')
    if type_name not in _registered and type_name in (*_calls.names(), "Loop", "If"):
        raise ArgumentError(f'there is a node "{type_name}" already; choose another name=')
    annotations = _annotations(function)
    if "return" not in annotations:
        raise ArgumentError(f"{function.__name__} needs an annotation of what it returns")
    outputs = _outputs(annotations["return"])
    contract = {
        "type": type_name,
        "doc": inspect.getdoc(function) or "",
        "category": category,
        "version": version,
        "effect": effect or not outputs,
        "inputs": _inputs(function, annotations),
        "outputs": outputs,
    }
    names = [port["name"] for port in outputs]

    def named(call: Callable[..., Any]) -> Callable[..., Dict[str, Any]]:
        return lambda **inputs: _named(type_name, names, call(**inputs))

    _weft.register_node(contract, named(function), None if infer is None else named(infer))
    _registered.add(type_name)
    _calls.forget(type_name)
    return PythonNode(function, contract)


@overload
def node(function: Callable[..., Any]) -> PythonNode: ...


@overload
def node(
    *,
    name: str = "",
    category: str = "python",
    version: int = 1,
    effect: bool = False,
    infer: Optional[Callable[..., Any]] = None,
) -> Callable[[Callable[..., Any]], PythonNode]: ...


def node(
    function: Optional[Callable[..., Any]] = None,
    *,
    name: str = "",
    category: str = "python",
    version: int = 1,
    effect: bool = False,
    infer: Optional[Callable[..., Any]] = None,
) -> Any:
    """Makes a node of an annotated function.

    ::

        @weft.node
        def tint(image: weft.types.Image, amount: float = 0.5) -> weft.types.Image:
            "Less blue."
            pixels = np.array(image)
            pixels[..., 2] = pixels[..., 2] * amount
            return weft.Image(pixels)

    It is ``weft.nodes.Tint``, and ``"type": "Tint"`` in graph files that Python runs. Parameters are
    inputs; ``Annotated[float, "How much", weft.Range(0, 1)]`` gives doc and range, ``Literal`` the
    choices of a text. Several outputs: return a NamedTuple, or a dict under the annotation
    ``-> dict(image=weft.types.Image, count=int)``. Running the same cell again replaces the node.

    ``infer`` takes the same inputs and says what a run would give: tensors as ``weft.TensorSpec``,
    or as an input that has the same shape. Without it, checks of a graph stop at this node.
    ``effect``: it runs though nobody uses its outputs.
    """
    make = functools.partial(
        _register, name=name, category=category, version=version, effect=effect, infer=infer
    )
    return make if function is None else make(function)


