"""The command that the wheel carries, and what else is in it."""

import pathlib
import shutil
import subprocess
import sys

import pytest

import weft

PACKAGE = pathlib.Path(weft.__file__).parent
INSTALLED = (PACKAGE / "bin" / "weft").exists()
pytestmark = pytest.mark.skipif(not INSTALLED, reason="this is a build tree, not a wheel")


def command(*arguments, **options):
    program = shutil.which("weft", path=str(pathlib.Path(sys.executable).parent))
    assert program is not None, "the command is beside the interpreter"
    return subprocess.run([program, *arguments], capture_output=True, text=True, **options)


def test_the_command_draws_what_the_module_draws(tmp_path):
    done = command("run", "txt2img", "--param", "steps=3", "--param", "seed=4", "--quiet")
    assert done.returncode == 0, done.stderr
    weft.load("txt2img").run(steps=3, seed=4, progress=False).image.save("ours.png")
    written = next((tmp_path / "out").glob("*.png"))
    assert written.read_bytes() == (tmp_path / "ours.png").read_bytes()


def test_the_wheel_has_its_own_graphs_and_model():
    assert (PACKAGE / "share" / "weft" / "graphs" / "parts" / "denoise.json").exists()
    assert (PACKAGE / "share" / "weft" / "models" / "sketch" / "unet").is_dir()
    assert weft.load("txt2img").file.startswith(str(PACKAGE))


def test_python_graphs_run_with_the_command(tmp_path):
    with weft.Graph() as g:
        image = weft.nodes.LoadImage(path=g.param("path", type="text"))
        g.output("image", weft.nodes.ResizeImage(image=image.image, width=8, height=4))
    g.save("half.json")
    import numpy as np

    weft.Image(np.full((8, 8, 3), 99, np.uint8)).save("in.png")
    done = command("run", "half.json", "--param", "path=in.png", "--quiet")
    assert done.returncode == 0, done.stderr
    assert weft.Image(done.stdout.split()[-1]).shape == (1, 4, 8, 3)


def test_importing_needs_numpy_alone():
    code = (
        "import sys\n"
        "for name in ('PIL', 'tqdm', 'IPython', 'torch'): sys.modules[name] = None\n"
        "import weft\n"
        "print(weft.load('txt2img').run(steps=1).image.shape)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "(1, 128, 128, 3)", done.stderr
