"""Progress bars, by tqdm where it is installed."""

from __future__ import annotations

import sys
import warnings
from typing import Any, Callable, Dict, NamedTuple, Optional, Union


class Progress(NamedTuple):
    """How far a node is: rounds of a loop, tiles of a picture."""

    node: str
    type: str
    done: int
    total: int  # 0: nobody knows
    seconds: float  # since the run began


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


def _tqdm() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without ipywidgets it falls back to text and says so
        from tqdm.auto import tqdm  # type: ignore[import-untyped, unused-ignore]
    return tqdm


class Bars:
    """A bar for each node that reports progress."""

    def __init__(self, tqdm: Any, then: Optional[Callable[[Progress], Any]]) -> None:
        self._tqdm = tqdm
        self._then = then
        self._bars: Dict[str, Any] = {}

    def __call__(self, progress: Progress) -> None:
        bar = self._bars.get(progress.node)
        if bar is not None and progress.done < bar.n:  # a loop in a loop begins again
            bar.reset(total=progress.total or None)
        if bar is None:
            name = progress.node.rpartition("/")[0] or progress.node
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                bar = self._tqdm(total=progress.total or None, desc=name, leave=True)
            self._bars[progress.node] = bar
        bar.update(progress.done - bar.n)
        if self._then is not None:
            self._then(progress)

    def close(self) -> None:
        for bar in self._bars.values():
            bar.close()


def choose(
    progress: Union[bool, str], then: Optional[Callable[[Progress], Any]]
) -> Optional[Callable[[Progress], Any]]:
    """What is to hear of progress: bars, the user's own callback, both or nothing."""
    if progress not in (True, False, "auto"):
        raise ValueError(f'progress is True, False or "auto", not {progress!r}')
    if progress is False:
        return then
    if progress == "auto" and not (_in_notebook() or sys.stderr.isatty()):
        return then
    try:
        tqdm = _tqdm()
    except ImportError as error:
        if progress == "auto":
            return then
        raise ImportError("progress=True needs tqdm: pip install tqdm") from error
    return Bars(tqdm, then)
