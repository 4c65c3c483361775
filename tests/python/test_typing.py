"""The stubs, as type checkers read them."""

import ast
import pathlib
import re
import subprocess
import sys

import pytest

import weft

pytest.importorskip("mypy")
HERE = pathlib.Path(__file__).parent
PACKAGE = pathlib.Path(weft.__file__).parent


@pytest.fixture(scope="module")
def mypy(tmp_path_factory):
    """Complaints by (file, line)."""
    cache = tmp_path_factory.mktemp("mypy")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), "--config-file=",
         str(HERE / "typing" / "good.py"), str(HERE / "typing" / "bad.py")],
        capture_output=True,
        text=True,
        cwd=cache,
    )
    complaints = {}
    for line in done.stdout.splitlines():
        found = re.match(r".*?(\w+\.pyi?):(\d+): error: (.*)", line)
        if found:
            complaints[found[1], int(found[2])] = found[3]
    assert "Success" in done.stdout or complaints, done.stdout + done.stderr
    return complaints


def test_a_good_program_passes_strict_checks(mypy):
    assert {place: text for place, text in mypy.items() if place[0] != "bad.py"} == {}


def test_each_mistake_is_found_on_its_line(mypy):
    expected = {}
    lines = (HERE / "typing" / "bad.py").read_text().splitlines()
    for number, line in enumerate(lines, 1):
        if "# E: " in line:
            expected["bad.py", number] = line.partition("# E: ")[2]
    found = {place: text for place, text in mypy.items() if place[0] == "bad.py"}
    assert set(found) == set(expected)
    for place, text in expected.items():
        assert text in found[place], place


def test_the_package_itself_passes_strict_checks(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(tmp_path),
         "-p", "weft"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout


def test_the_stub_of_the_extension_module_says_what_it_has():
    """Every name of the stub exists, and nothing that the module has is missing."""
    from weft import _weft

    tree = ast.parse((PACKAGE / "_weft.pyi").read_text())
    told = {node.name: node for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    has = {name for name in vars(_weft) if not name.startswith("_")} - {"version"}
    assert set(told) == has
    for name, node in told.items():
        if isinstance(node, ast.ClassDef):
            names = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
            missing = {n for n in names if not hasattr(getattr(_weft, name), n)} - {"__buffer__"}
            assert missing == set(), name
            extra = {n for n in vars(getattr(_weft, name)) if not n.startswith("_")} - names
            assert extra == set(), name


def test_the_stubs_hold_every_node_with_its_docs():
    tree = ast.parse((PACKAGE / "nodes.pyi").read_text())
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    from weft import _weft
    from weft._ports import python_name

    catalogue = {c["type"]: c for c in _weft.contracts() if c["category"] != "python"}
    assert set(functions) == set(catalogue)
    for name, function in functions.items():
        arguments = [argument.arg for argument in function.args.kwonlyargs]
        extra = ["id", "ports"] if catalogue[name]["declares_ports"] else ["id"]
        inputs = [python_name(port["name"]) for port in catalogue[name]["inputs"]]
        assert arguments == inputs + extra
        assert catalogue[name]["doc"] in ast.get_docstring(function, clean=True)
