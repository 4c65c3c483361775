"""The command ``weft``, which the wheel carries."""

import os
import sys

from ._prefix import PREFIX


def main() -> None:
    command = os.path.join(PREFIX, "bin", "weft")
    os.execv(command, ["weft", *sys.argv[1:]])
