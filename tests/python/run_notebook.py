"""Runs a notebook as Jupyter would, without a server: python run_notebook.py FILE.

Fails where a cell fails, and where a cell's last value has no picture though it says `_repr_png_`.
"""

import json
import sys

from IPython.core.interactiveshell import InteractiveShell


def main(path):
    with open(path, encoding="utf-8") as file:
        notebook = json.load(file)
    shell = InteractiveShell.instance()
    pictures = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"])
        done = shell.run_cell(source)
        if not done.success:
            sys.exit(f"this cell failed:\n{source}")
        if done.result is not None:
            shown, _ = shell.display_formatter.format(done.result)
            pictures += "image/png" in shown or "image/svg+xml" in shown
    print(f"pictures: {pictures}")


if __name__ == "__main__":
    main(sys.argv[1])
