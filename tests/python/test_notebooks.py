"""The notebooks in examples/: they run, and carry no outputs."""

import importlib.util
import json
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
NOTEBOOKS = sorted((HERE.parents[1] / "examples").glob("*.ipynb"))
# The pictures that a reader sees when all cells have run, at least.
PICTURES = {
    "a_node_in_python": 4,
    "editing_a_picture": 3,
    "schedulers_side_by_side": 2,
    "step_by_step": 5,
    "weft_in_a_diffusers_loop": 0,
}


def test_all_notebooks_are_known():
    assert {path.stem for path in NOTEBOOKS} == set(PICTURES)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path):
    pytest.importorskip("IPython")
    if "diffusers" in path.stem:
        for needed in ("torch", "diffusers"):
            if importlib.util.find_spec(needed) is None:
                pytest.skip(f"{needed} is not installed")
    done = subprocess.run(
        [sys.executable, str(HERE / "run_notebook.py"), str(path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.rpartition("pictures: ")[2]) >= PICTURES[path.stem], done.stdout


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs(path):
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
