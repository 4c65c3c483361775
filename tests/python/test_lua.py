"""Lua from Python: graph files and scripts in graphs."""

import json

import pytest

import weft


def test_a_lua_graph_is_the_json_graph(repository):
    lua = weft.load(repository / "graphs" / "txt2img.lua")
    ours = lua.run(steps=2, seed=3, progress=False).image
    theirs = weft.load("txt2img").run(steps=2, seed=3, progress=False).image
    assert ours.tobytes() == theirs.tobytes()


def test_a_graph_with_a_script_in_its_loop_runs():
    assert weft.load("lua_step").run(steps=2, progress=False).image.width == 128


def test_a_script_is_a_node_with_ports_of_its_own():
    with weft.Graph() as g:
        x = g.param("x", type="int", default=3)
        script = weft.nodes.LuaFunction(
            source="return {y = x * 2, z = x + 0.5}",
            x=x,
            ports={"inputs": {"x": "int"}, "outputs": {"y": "int", "z": {"type": "float"}}},
            id="script",
        )
        g.output("y", script.y)
        g.output("z", script.z)
    assert json.loads(g.to_json())["nodes"]["script"]["ports"]["inputs"] == {"x": {"type": "int"}}
    done = g.run(x=5)
    assert done.y == 10 and done.z == 5.5
    with pytest.raises(weft.ArgumentError, match="nodes declare ports in graphs alone"):
        weft.nodes.LuaFunction(source="return 1", ports={"outputs": {"y": "int"}})


def test_an_error_of_a_script_names_its_node():
    with weft.Graph() as g:
        script = weft.nodes.LuaFunction(
            source="error('no luck')", ports={"outputs": {"y": "int"}}, id="script"
        )
        g.output("y", script)
    with pytest.raises(weft.Error, match='"script".*no luck'):
        g.run()
