"""Nodes written in Python."""

import json
import traceback
from typing import Annotated, Any, List, Literal, NamedTuple, Optional

import numpy as np
import pytest

import weft


@weft.node(infer=lambda image, amount: image)
def tint(
    image: weft.types.Image,
    amount: Annotated[float, "How much blue stays", weft.Range(0, 1)] = 0.5,
) -> weft.types.Image:
    """Less blue."""
    pixels = np.array(image)
    pixels[..., 2] = pixels[..., 2] * amount
    return weft.Image(pixels)


WHITE = np.full((1, 4, 4, 3), 200, np.uint8)


def test_a_decorated_function_is_a_node_with_contract():
    assert tint.type == "Tint" and "Tint" in dir(weft.nodes)
    assert tint.inputs["amount"].default == 0.5 and tint.inputs["amount"].max == 1
    assert tint.inputs["amount"].doc == "How much blue stays"
    assert tint.inputs["image"].required and tint.outputs["image"].type == "image"
    assert tint.__doc__.startswith("Less blue.")


def test_it_is_called_by_name_by_position_and_from_weft_nodes():
    for made in (tint(image=WHITE), tint(WHITE, 0.5), weft.nodes.Tint(image=WHITE)):
        assert isinstance(made, weft.Image) and made[0, 0, 0].tolist() == [200, 200, 100]
    assert tint.__wrapped__(weft.Image(WHITE), 0).tolist()[0][0][0] == [200, 200, 0]


def test_inputs_are_checked_as_those_of_other_nodes():
    with pytest.raises(weft.GraphError, match='"amount" is 2, above its maximum of 1'):
        tint(image=WHITE, amount=2)
    with pytest.raises(weft.GraphError, match='"image"'):
        tint(amount=1)
    with pytest.raises(weft.GraphError, match='did you mean "amount"'):
        tint(image=WHITE, amont=1)


def test_it_works_in_graphs_also_from_json(tmp_path):
    with weft.Graph() as g:
        g.output("image", tint(image=g.param("image", type="image"), amount=0.25))
    assert json.loads(g.to_json())["nodes"]["tint"]["type"] == "Tint"
    g.save("tinted.json")
    made = weft.load("tinted.json").run(image=WHITE)
    assert made.image[0, 0, 0].tolist() == [200, 200, 50]


def test_infer_tells_shapes_and_without_it_they_are_unknown():
    with weft.Graph() as g:
        g.output("image", tint(image=g.param("image", type="image")))
    assert g.plan(image=WHITE).outputs["image"] == "tensor u8 [1, 4, 4, 3]"

    @weft.node
    def grown(image: weft.types.Image) -> weft.types.Image:
        return weft.Image(np.repeat(image, 2, axis=1))

    with weft.Graph() as h:
        h.output("image", grown(image=h.param("image", type="image")))
    assert "image" not in h.plan(image=WHITE).outputs
    assert h.run(image=WHITE).image.shape == (1, 8, 4, 3)

    @weft.node(name="Grown", infer=lambda image: weft.TensorSpec((1, 8, 4, 3), "u8"))
    def grown_again(image: weft.types.Image) -> weft.types.Image:
        return weft.Image(np.repeat(image, 2, axis=1))

    assert h.plan(image=WHITE).outputs["image"] == "tensor u8 [1, 8, 4, 3]"


def test_running_a_cell_again_replaces_the_node():
    def make(text):
        @weft.node(name="Says")
        def says() -> str:
            return text

        return says

    first = make("one")
    assert first() == "one"
    make("two")
    assert weft.nodes.Says() == "two" and first() == "two"


def test_the_nodes_of_the_catalogue_cannot_be_replaced():
    with pytest.raises(weft.ArgumentError, match='there is a node "VaeDecode" already'):

        @weft.node(name="VaeDecode")
        def decode() -> int:
            return 1


class Halves(NamedTuple):
    low: float
    high: float


def test_several_outputs_by_namedtuple_dict_and_tuple():
    @weft.node
    def halves(x: float) -> Halves:
        return Halves(x / 2, x * 2)

    @weft.node
    def parts(x: int) -> dict(quotient=int, rest=int):
        return divmod(x, 3)

    assert halves(x=3).low == 1.5 and halves(3).high == 6
    assert parts(x=7).quotient == 2 and parts(7).rest == 1
    with weft.Graph() as g:
        both = parts(x=11)
        g.output("sum", parts(x=both.rest).rest)
    assert g.run()["sum"] == 2


def test_all_kinds_of_values_come_and_go():
    @weft.node
    def kinds(
        flag: bool,
        count: int,
        ratio: float,
        text: str,
        several: List[float],
        anything: Any,
        numbers: weft.Tensor,
        mode: Literal["fast", "good"] = "fast",
        maybe: Optional[int] = None,
    ) -> dict(seen=str, back=list[float], numbers=weft.Tensor, any=Any):
        seen = f"{flag} {count} {ratio} {text} {several} {mode} {maybe} {type(numbers).__name__}"
        return dict(seen=seen, back=several, numbers=np.asarray(numbers) + 1, any=anything)

    given = dict(flag=True, count=2, ratio=3, text="x", several=[1, 2.5], anything={"a": 1})
    out = kinds(**given, numbers=np.zeros(2, np.float32))
    assert out.seen == "True 2 3.0 x [1.0, 2.5] fast None Tensor"
    assert out.back == [1.0, 2.5] and out.numbers.tolist() == [1, 1] and out.any.a == 1
    with pytest.raises(weft.GraphError, match='"mode" is "fats".*did you mean "fast"'):
        kinds(**given, numbers=np.zeros(2, np.float32), mode="fats")


def test_objects_pass_through(model):
    @weft.node
    def same(vae: weft.types.Vae) -> weft.types.Vae:
        assert isinstance(vae, weft.types.Vae) and vae.traits["channels"] == 4
        return vae

    assert same(vae=model.vae) == model.vae
    with pytest.raises(weft.GraphError, match="expects vae, not unet"):
        same(vae=model.unet)


@weft.node
def breaks(x: int) -> int:
    return {}[x]


def test_what_it_raises_is_a_run_error_that_names_the_node():
    with weft.Graph() as g:
        with weft.Loop(over=[0, 1], carry=dict(x=1)) as loop:
            loop.next(x=breaks(x=loop.x, id="bad"))
        g.output("x", loop.x)
    with pytest.raises(weft.RunError, match="KeyError: 1") as error:
        g.run()
    assert error.value.problems[0].node == "loop[0]/bad"
    assert error.value.problems[0].type == "Breaks"
    assert isinstance(error.value.__cause__, KeyError)
    frames = traceback.extract_tb(error.value.__cause__.__traceback__)
    assert frames[-1].name == "breaks" and frames[-1].line == "return {}[x]"
    with pytest.raises(weft.RunError) as error:
        breaks(x=1)
    assert isinstance(error.value.__cause__, KeyError)


def test_keyboard_interrupt_in_a_node_comes_out_unchanged():
    @weft.node
    def interrupted() -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()


@pytest.mark.parametrize(
    "result, message",
    [
        ("text", 'gives text for "latent", which is declared as latent'),
        (None, 'gives nothing for "latent"'),
        (np.zeros(3), "float64 cannot go on a wire"),
    ],
)
def test_a_result_of_another_type_is_refused(result, message):
    @weft.node
    def wrong() -> weft.types.Latent:
        return result

    with pytest.raises(weft.Error, match=message) as error:
        wrong()
    assert "\n" not in str(error.value)


def test_missing_outputs_are_told():
    @weft.node
    def two() -> dict(a=int, b=int):
        return dict(a=1)

    with pytest.raises(weft.RunError, match="Two returns a, b, not a"):
        two()


@pytest.mark.parametrize(
    "define, message",
    [
        (lambda: weft.node(lambda x: x), "no name of a node"),
        (lambda: weft.node(_unannotated), '"x" needs an annotation'),
        (lambda: weft.node(_without_return), "annotation of what it returns"),
        (lambda: weft.node(_stars), r"no \* or \*\*"),
        (lambda: weft.node(_strange), "'bytes' is no type of a port"),
        (lambda: weft.node(_reserved), '"id" is reserved'),
    ],
)
def test_functions_that_cannot_be_nodes_are_refused(define, message):
    with pytest.raises(weft.ArgumentError, match=message):
        define()


def _unannotated(x) -> int:
    return x


def _without_return(x: int):
    return x


def _stars(*x: int) -> int:
    return 1


def _strange(x: bytes) -> int:
    return 1


def _reserved(id: int) -> int:
    return id


def test_a_node_without_outputs_has_an_effect():
    seen = []

    @weft.node
    def note(x: int) -> None:
        seen.append(x)

    with weft.Graph() as g:
        note(x=3)
    g.run()
    assert seen == [3]


def test_a_node_may_call_other_nodes_and_graphs(model, latent):
    @weft.node
    def decoded(latent: weft.types.Latent) -> weft.types.Image:
        return weft.nodes.VaeDecode(vae=model.vae, latent=latent)

    assert decoded(latent=latent).tobytes() == weft.nodes.VaeDecode(vae=model.vae, latent=latent).tobytes()
