"""What goes wrong, as exceptions."""

from __future__ import annotations

from typing import List, Sequence

from . import _weft

Problem = _weft.Problem


class Error(Exception):
    """Any error of weft."""


class ArgumentError(Error, TypeError):
    """What was handed in cannot be understood."""


class NotFoundError(Error, LookupError):
    """There is no graph, node or output of that name."""


class GraphError(Error, ValueError):
    """The graph, or the call of a node, is wrong.

    ``problems`` lists everything that was found, each with ``node``, ``type``, ``port``, ``path``,
    ``file``, ``line`` and ``message``.
    """

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems: List[Problem] = list(problems)


class RunError(Error, RuntimeError):
    """A node failed while the graph ran.

    ``problems`` says which. Where the node is written in Python, what it raised is ``__cause__``.
    """

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems: List[Problem] = list(problems)


class Notice(UserWarning):
    """What a node wants its user to know; not an error."""


# Codes of what is wrong with a graph before it computes anything.
_WRONG = {"INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "OUT_OF_RANGE"}


def _make(code: str, message: str, placed: bool, problems: List[Problem]) -> Error:
    if code == "ARGUMENT":
        return ArgumentError(message)
    if code == "NOT_FOUND" and not placed:
        return NotFoundError(message)
    if code in _WRONG:
        return GraphError(message, problems)
    return RunError(message, problems)


_weft.set_error_maker(_make)
