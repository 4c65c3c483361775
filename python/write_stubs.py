"""Writes nodes.pyi and types.pyi from the contracts of the nodes.

A part of the build: ``python write_stubs.py PATH-OF-THE-EXTENSION-MODULE OUTPUT-FOLDER``. It needs
that module alone, no numpy.
"""

from __future__ import annotations

import importlib.util
import keyword
import os
import sys
import textwrap
from typing import Any, Dict, List, Mapping

# What is written in _values.py; all other types are objects.
_TENSORS = {"tensor": "Tensor", "image": "Image", "latent": "Latent", "mask": "Mask", "tokens": "Tokens"}
_RECORDS = {"step": "Step", "state": "State"}
_SCALARS = {"bool": "bool", "int": "int", "float": "float", "text": "str"}
_OBJECTS = ("Scheduler", "Conditioning")  # with attributes of their own
_OF_OTHERS = {"Config": "weft._interchange"}

_NODES_HEAD = '''\
# Written from the contracts of the nodes; see python/write_stubs.py.
from typing import Any, Literal, Mapping, Sequence, Union

from weft import types as _t
from weft._arrays import Array as _Array
from weft._building import Wire as _Wire

'''

_TYPES_HEAD = '''\
# Written from the contracts of the nodes; see python/write_stubs.py.
from weft._values import Conditioning as Conditioning
from weft._values import Image as Image
from weft._values import Latent as Latent
from weft._values import Mask as Mask
from weft._values import Object as Object
from weft._values import Record as Record
from weft._values import Scheduler as Scheduler
from weft._values import State as State
from weft._values import Step as Step
from weft._values import Tensor as Tensor
from weft._values import Tokens as Tokens

def type_name(cls_name: str) -> str: ...

'''


def _class_name(type_name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in type_name.split("_"))


def _value(type_name: str) -> str:
    """What a port of this type gives."""
    if type_name.startswith("list<"):
        return f"list[{_value(type_name[5:-1])}]"
    if type_name == "any":
        return "Any"
    if type_name in _SCALARS:
        return _SCALARS[type_name]
    known = {**_TENSORS, **_RECORDS}
    return "_t." + known.get(type_name, _class_name(type_name))


def _accepted(port: Mapping[str, Any]) -> str:
    """What a port takes."""
    type_name = port["type"]
    if type_name == "any":
        return "Any"
    is_list = type_name.startswith("list<")
    item = type_name[5:-1] if is_list else type_name
    kinds = [_value(item)]
    if port["choices"]:
        kinds = [f"Literal[{', '.join(repr(choice) for choice in port['choices'])}]"]
    if item in _TENSORS:
        kinds.append("_Array")
    if item in _RECORDS:
        kinds.append("Mapping[str, Any]")
    kinds.append("_Wire")
    if is_list:
        kinds.append(f"Sequence[Union[{', '.join(kinds)}]]")
    return f"Union[{', '.join(kinds)}]"


def _docstring(text: str, indent: str) -> str:
    text = text.replace("\\", "\\\\").replace('"""', "'''")
    return textwrap.indent(f'"""{text}\n"""', indent)


def _documentation(contract: Mapping[str, Any]) -> str:
    lines = [contract["doc"]]
    for title, ports in (("Inputs", contract["inputs"]), ("Outputs", contract["outputs"])):
        if ports:
            lines += ["", f"{title}:", *(f"    {port['name']}: {port['doc']}" for port in ports)]
    return "\n".join(lines)


def _node(contract: Mapping[str, Any]) -> List[str]:
    lines = []
    name = contract["type"]
    outputs = contract["outputs"]
    gives = _value(outputs[0]["type"]) if len(outputs) == 1 else f"_{name}Outputs"
    if contract["declares_ports"]:
        gives = "Any"
    elif len(outputs) != 1:
        lines.append(f"class _{name}Outputs:")
        for port in outputs:
            lines.append(f"    @property\n    def {port['name']}(self) -> {_value(port['type'])}:")
            lines.append(_docstring(port["doc"], "        "))
        if not outputs:
            lines.append("    ...")
        lines.append("")
    lines += [f"def {name}(", "    *,"]
    for port in contract["inputs"]:
        optional = "" if port["required"] else " = ..."
        kind = _accepted(port)
        if not port["required"] and port["default"] is None and kind != "Any":
            kind = kind[:-1] + ", None]"
        name_in_python = port["name"] + ("_" if keyword.iskeyword(port["name"]) else "")
        lines.append(f"    {name_in_python}: {kind}{optional},")
    lines.append('    id: str = "",')
    if contract["declares_ports"]:
        lines += ["    ports: Mapping[str, Mapping[str, Any]] = ...,", "    **inputs: Any,"]
    lines += [f") -> {gives}:", _docstring(_documentation(contract), "    "), ""]
    return lines


def nodes_stub(contracts: List[Dict[str, Any]]) -> str:
    lines: List[str] = []
    for contract in sorted(contracts, key=lambda contract: contract["type"]):
        lines += _node(contract)
    return _NODES_HEAD + "\n".join(lines)


def types_stub(contracts: List[Dict[str, Any]]) -> str:
    names = set()
    for contract in contracts:
        for port in [*contract["inputs"], *contract["outputs"]]:
            name = port["type"][5:-1] if port["type"].startswith("list<") else port["type"]
            if name not in {**_TENSORS, **_RECORDS, **_SCALARS, "any": ""}:
                names.add(name)
    lines = []
    for name in sorted(names):
        cls = _class_name(name)
        if cls in _OF_OTHERS:
            lines.append(f"from {_OF_OTHERS[cls]} import {cls} as {cls}\n")
        elif cls not in _OBJECTS:
            lines.append(f'class {cls}(Object):\n    """A {name}."""\n')
    return _TYPES_HEAD + "\n".join(lines)


def main(module: str, out: str) -> None:
    spec = importlib.util.spec_from_file_location("_weft", module)
    assert spec is not None and spec.loader is not None
    weft = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(weft)
    weft.start("", "")
    contracts = weft.contracts()
    for name, text in (("nodes", nodes_stub(contracts)), ("types", types_stub(contracts))):
        with open(os.path.join(out, name + ".pyi"), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
