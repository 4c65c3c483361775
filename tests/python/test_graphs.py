"""Graphs: loaded, looked at, run."""

import inspect
import json
import warnings

import numpy as np
import pytest

import weft


@pytest.fixture(scope="module")
def picture():
    return weft.load("txt2img").run(steps=4, seed=3, progress=False)


def test_load_finds_installed_graphs_by_name_and_by_path(repository):
    for name in ("txt2img", "graphs/txt2img.json", repository / "graphs" / "txt2img.json"):
        assert weft.load(name).title == "Text to image", name


def test_load_of_an_unknown_name_says_the_nearest():
    with pytest.raises(weft.NotFoundError, match='there is no graph "txt2imgg".*"txt2img"'):
        weft.load("txt2imgg")


def test_run_gives_results_by_attribute_and_item(picture):
    assert isinstance(picture.image, weft.Image)
    assert picture["image"] is picture.image
    assert picture.image.shape == (1, 128, 128, 3)
    assert list(picture) == ["image"] and len(picture) == 1 and "image" in picture
    assert picture.info.seconds > 0 and picture.info.peak_bytes > 1_000_000


def test_a_single_output_stands_for_the_results(picture, tmp_path):
    assert np.asarray(picture).shape == (1, 128, 128, 3)
    assert picture._repr_png_()[:8] == b"\x89PNG\r\n\x1a\n"
    picture.save("a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_an_unknown_output_says_the_nearest(picture):
    with pytest.raises(weft.NotFoundError, match='no output "imagee".*"image"'):
        picture["imagee"]
    with pytest.raises(AttributeError, match='no output "imagee".*"image"'):
        picture.imagee


def test_the_same_run_gives_the_same_bytes_and_another_seed_does_not(picture):
    graph = weft.load("txt2img")
    again = graph.run(steps=4, seed=3, progress=False)
    other = graph.run(steps=4, seed=4, progress=False)
    assert again.image.tobytes() == picture.image.tobytes()
    assert other.image.tobytes() != picture.image.tobytes()


def test_a_saved_png_carries_the_graph(picture, tmp_path):
    picture.image.save("a.png")
    description = json.loads(picture.info.description)
    assert description["params"]["seed"] == 3 and description["params"]["steps"] == 4
    pil = pytest.importorskip("PIL.Image")
    assert pil.open(tmp_path / "a.png").text["weft"] == picture.info.description


def test_params_say_type_default_range_and_doc():
    params = weft.load("txt2img").params
    assert list(params) == ["prompt", "seed", "steps"]
    assert params["steps"].type == "int" and params["steps"].default == 20 and params["steps"].min == 1
    assert params["prompt"].doc == "What to draw"


def test_run_has_a_signature_and_docs():
    run = weft.load("txt2img").run
    parameters = inspect.signature(run).parameters
    assert list(parameters)[:3] == ["prompt", "seed", "steps"]
    assert parameters["steps"].default == 20 and "on_step" in parameters
    assert "What to draw" in inspect.getdoc(run) and "image: image" in inspect.getdoc(run)


def test_a_misspelt_param_is_an_error_of_one_line_with_the_nearest_name():
    graph = weft.load("txt2img")
    with pytest.raises(weft.ArgumentError) as error:
        graph.run(promt="x")
    assert str(error.value) == 'the graph has no param "promt"; did you mean "prompt"?'
    with pytest.raises(TypeError, match='did you mean "on_step"'):
        graph.run(on_stp=print)


def test_a_param_of_the_wrong_type_or_range_is_a_graph_error():
    graph = weft.load("txt2img")
    with pytest.raises(weft.GraphError, match='"steps" expects int, not text'):
        graph.run(steps="many")
    with pytest.raises(weft.GraphError, match='"steps" is 0, below its minimum of 1'):
        graph.run(steps=0)


def test_set_replaces_inputs_inside(picture):
    graph = weft.load("txt2img")
    wide = graph.run(steps=2, set={"noise.width": 64, "denoise.guidance_scale": 1.0}, progress=False)
    assert wide.image.shape == (1, 128, 64, 3)
    with pytest.raises(weft.GraphError, match='"noise.width"'):
        graph.run(set={"noise.widht": 64})
    assert graph.inputs["noise.width"].type == "int"


def test_memory_is_an_option_of_a_run_and_changes_no_pixel():
    graph = weft.load("txt2img")
    kept = graph.run(steps=2, progress=False)
    low = graph.run(steps=2, memory="low", progress=False)
    assert low.image.tobytes() == kept.image.tobytes()
    plan = graph.plan(steps=2, memory="low")
    assert sum(node.kept_bytes for node in plan.nodes) == 0
    assert sum(node.streamed_bytes for node in plan.nodes) > 10e6
    assert plan.memory.least_bytes < plan.memory.everything_bytes
    assert graph.plan(steps=2, memory="16G").memory.all_kept
    assert graph.plan(steps=2).memory is None
    with pytest.raises(weft.Error, match="a memory of 1.0 MB is not enough: this run takes at least"):
        graph.run(memory="1M", progress=False)
    with pytest.raises(weft.Error, match='"much" is no amount of memory'):
        graph.run(memory="much")


def test_memory_of_calls_can_be_set():
    graph = weft.load("txt2img")
    try:
        weft.set_memory("low")
        assert graph.plan(steps=2).memory.budget_bytes == 0
    finally:
        weft.set_memory("")
    assert graph.plan(steps=2).memory is None


def test_precision_and_out_are_options_of_a_run(tmp_path):
    graph = weft.load("txt2img")
    f32 = graph.run(steps=2, precision="f32", progress=False)
    bf16 = graph.run(steps=2, precision="bf16", progress=False)
    assert f32.image.tobytes() != bf16.image.tobytes()
    with pytest.raises(weft.GraphError, match="the precision is auto, f32 or bf16"):
        graph.run(precision="f64")


def test_check_reports_every_problem_with_node_path_and_message(tmp_path):
    graph = json.loads(weft.load("txt2img").to_json())
    graph["nodes"]["noise"]["params"]["widht"] = 3
    graph["nodes"]["image"]["type"] = "VaeDecoode"
    (tmp_path / "bad.json").write_text(json.dumps(graph, indent=2))
    with pytest.raises(weft.GraphError) as error:
        weft.load("bad.json").check()
    problems = {problem.node: problem for problem in error.value.problems}
    assert set(problems) >= {"noise", "image"}, error.value
    assert "VaeDecode" in problems["image"].message
    assert "width" in problems["noise"].message
    assert problems["noise"].path.startswith("nodes.noise") and problems["noise"].line > 0
    assert problems["noise"].file.endswith("bad.json") and problems["noise"].type == "RandomLatent"


def test_check_finds_a_wrong_width_without_reading_weights(tmp_path):
    graph = weft.load("txt2img")
    graph.check()
    with pytest.raises(weft.GraphError, match="no-such-model"):
        graph.check(set={"model.path": "no-such-model"})


def test_plan_lists_the_order_shapes_and_peak():
    plan = weft.load("txt2img").plan(steps=7)
    types = [node.type for node in plan.nodes]
    assert types.index("RandomLatent") < types.index("VaeDecode")
    assert plan.outputs["image"].endswith("[1, 128, 128, 3]")
    assert plan.peak_bytes >= max(node.live_bytes for node in plan.nodes)
    assert "VaeDecode" in str(plan) and "<table>" in plan._repr_html_()


def test_json_goes_out_and_in_again(tmp_path):
    graph = weft.load("txt2img")
    graph.save("copy.json")
    assert weft.load("copy.json").to_json() == graph.to_json()
    assert weft.from_json(graph.to_json()).run(steps=1, progress=False).image.shape == (1, 128, 128, 3)


def test_faults_of_form_are_graph_errors():
    with pytest.raises(weft.GraphError) as error:
        weft.from_json('{"weft": 1, "nodes": {"a": {}}, "outputs": {"x": 3}}')
    assert len(error.value.problems) >= 2


def test_a_graph_draws_itself():
    svg = weft.load("txt2img")._repr_svg_()
    assert svg.startswith("<svg") and "VaeDecode" in svg


def test_what_nodes_write_goes_below_out(tmp_path):
    with weft.Graph() as g:
        image = weft.nodes.LoadImage(path=g.param("path", type="text"))
        weft.nodes.SaveImage(image=image.image, path="x.png")
    weft.Image(np.zeros((8, 8, 3), np.uint8)).save("in.png")
    done = g.run(path="in.png", out="elsewhere")
    assert (tmp_path / "elsewhere" / "x.png").exists()
    assert [path.endswith("x.png") for path in done.info.files] == [True]


def test_a_notice_of_a_node_is_a_warning(model):
    long = "a red circle " * 100
    with pytest.warns(weft.Notice):
        weft.load("txt2img").run(prompt=long, steps=1, set={"positive.truncate": True}, progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        weft.load("txt2img").run(steps=1, progress=False)
