"""Where the wheel keeps what belongs to it: <package>/bin, lib and share."""

import os

# Empty in a build tree, where graphs and models are found in the sources.
_package = os.path.dirname(os.path.abspath(__file__))
PREFIX = _package if os.path.isdir(os.path.join(_package, "share", "weft")) else ""
