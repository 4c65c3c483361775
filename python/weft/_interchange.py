"""To and from diffusers: text embeddings and the options of schedulers.

Latents need nothing: they are tensors of the same shape and scale on both sides.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping

from . import _calls, _values


def conditioning(tokens: Any, pooled: Any = None) -> Any:
    """Text embeddings of a diffusers pipeline ([batch, tokens, width]; pooled: [batch, width]) as
    what weft's Guidance takes. The other way: ``.tokens`` and ``.pooled``."""
    return _calls.function("MakeConditioning")(tokens=tokens, pooled=pooled)


class Config(_values.Object):
    """The options of a scheduler, as in diffusers' scheduler_config.json."""

    def to_dict(self) -> Dict[str, Any]:
        """For ``from_config`` of diffusers' schedulers."""
        text = _calls.function("SchedulerConfigText")(config=self)
        return json.loads(text)  # type: ignore[no-any-return]


_values.add_object_class("config", Config)


def scheduler_config(config: Mapping[str, Any]) -> Any:
    """The ``config`` of a diffusers scheduler (or any mapping) for the port ``config`` of weft's
    schedulers. The other way: ``.to_dict()``."""
    plain = {
        name: value for name, value in dict(config).items() if not name.startswith("_")
    }
    text = json.dumps(plain, default=lambda value: value.tolist())
    return _calls.function("ParseSchedulerConfig")(text=text)
