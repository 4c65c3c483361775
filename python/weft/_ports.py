"""Ports and contracts, as help() and signatures show them."""

from __future__ import annotations

import inspect
import keyword
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional


class Port(NamedTuple):
    """An input or an output of a node, or a param of a graph."""

    name: str
    type: str
    doc: str
    required: bool
    default: Any
    min: Optional[float]
    max: Optional[float]
    choices: List[str]

    @property
    def line(self) -> str:
        """"steps: int = 20 (at least 1). More are slower and finer"."""
        text = f"{self.name}: {self.type}"
        if self.default is not None:
            text += f" = {self.default!r}"
        limits = []
        if self.min is not None:
            limits.append(f"at least {self.min:g}")
        if self.max is not None:
            limits.append(f"at most {self.max:g}")
        if self.choices:
            limits.append("one of " + ", ".join(self.choices))
        if limits:
            text += f" ({', '.join(limits)})"
        return f"{text}. {self.doc}" if self.doc else text


def python_name(name: str) -> str:
    """A port called as a word of Python's has an underscore after it: ``as_``."""
    return name + "_" if keyword.iskeyword(name) else name


def ports(described: Iterable[Mapping[str, Any]]) -> Dict[str, Port]:
    return {fields["name"]: Port(**fields) for fields in described}


def documentation(doc: str, inputs: Iterable[Port], outputs: Iterable[Port]) -> str:
    lines = [doc] if doc else []
    for title, group in (("Inputs", list(inputs)), ("Outputs", list(outputs))):
        if group:
            lines += ["", f"{title}:", *("    " + port.line for port in group)]
    return "\n".join(lines)


def keyword_parameters(inputs: Iterable[Port]) -> List[inspect.Parameter]:
    """Those that must be given first, as Python wants it in a signature."""
    parameters = []
    for port in sorted(inputs, key=lambda port: not port.required):
        default = inspect.Parameter.empty if port.required else port.default
        parameters.append(
            inspect.Parameter(
                python_name(port.name),
                inspect.Parameter.KEYWORD_ONLY,
                default=default,
                annotation=port.type,
            )
        )
    return parameters
