"""Graphs written in Python with the same calls."""

import inspect
import json

import numpy as np
import pytest

import weft

nodes = weft.nodes


def denoising_graph():
    """txt2img.json, with the loop written out."""
    with weft.Graph(title="Text to image") as g:
        prompt = g.param("prompt", type="text", default="a red circle", doc="What to draw")
        model = nodes.LoadModel(path="models/sketch", id="model")
        positive = nodes.EncodePrompt(
            tokenizer=model.tokenizer, clip=model.clip, text=prompt, id="positive"
        )
        negative = nodes.EncodePrompt(tokenizer=model.tokenizer, clip=model.clip, text="")
        scheduler = nodes.EulerAncestralDiscreteScheduler(config=model.scheduler_config)
        drawn = nodes.RandomLatent(
            vae=model.vae, generator=nodes.Generator(seed=3), width=128, height=128
        )
        times = nodes.Timesteps(scheduler=scheduler, num_inference_steps=4)
        start = nodes.ScaleNoise(scheduler=scheduler, noise=drawn.noise, first=times.first)
        guide = nodes.Guidance(unet=model.unet, positive=positive, negative=negative)
        carry = dict(latent=start, state=times.state, generator=drawn.generator)
        with weft.Loop(over=times.steps, carry=carry, id="loop") as loop:
            scaled = nodes.ScaleInput(scheduler=scheduler, latent=loop.latent, step=loop.item)
            noise = nodes.PredictNoise(denoiser=guide, latent=scaled, step=loop.item)
            step = nodes.SchedulerStep(
                scheduler=scheduler,
                noise=noise,
                latent=loop.latent,
                step=loop.item,
                state=loop.state,
                generator=loop.generator,
            )
            loop.next(latent=step.latent, state=step.state, generator=step.generator)
            loop.collect(originals=step.original)
        g.output("image", nodes.VaeDecode(vae=model.vae, latent=loop.latent))
        g.output("originals", loop.originals)
    return g


def test_a_graph_with_a_loop_gives_what_the_file_gives():
    g = denoising_graph()
    made = g.run(progress=False)
    loaded = weft.load("txt2img").run(prompt="a red circle", seed=3, steps=4, progress=False)
    assert made.image.tobytes() == loaded.image.tobytes()
    assert len(made.originals) == 4 and made.originals[0].shape == (1, 4, 16, 16)


def test_a_written_graph_is_a_json_graph_too():
    g = denoising_graph()
    again = weft.from_json(g.to_json())
    assert again.to_json() == g.to_json()
    assert again.run(progress=False).image.tobytes() == g.run(progress=False).image.tobytes()
    assert list(json.loads(g.to_json())["nodes"])[:2] == ["model", "positive"]


def test_the_same_graph_gives_the_same_json_as_the_file():
    text = weft.load("txt2img").to_json()
    with weft.Graph(title="Text to image") as g:
        prompt = g.param(
            "prompt", "text", "a red circle left of a blue square", doc="What to draw"
        )
        seed = g.param("seed", "int", 1, doc="Same seed, same picture")
        steps = g.param("steps", "int", 20, min=1, doc="More are slower and finer")
        model = nodes.LoadModel(path="models/sketch", id="model")
        clip = dict(tokenizer=model.tokenizer, clip=model.clip)
        positive = nodes.EncodePrompt(**clip, text=prompt, id="positive")
        negative = nodes.EncodePrompt(**clip, text="", id="negative")
        scheduler = nodes.EulerAncestralDiscreteScheduler(
            config=model.scheduler_config, id="scheduler"
        )
        random = nodes.Generator(seed=seed, id="random")
        noise = nodes.RandomLatent(
            vae=model.vae, generator=random, width=128, height=128, id="noise"
        )
        denoise = nodes.Denoise(
            unet=model.unet,
            scheduler=scheduler,
            noise=noise.noise,
            generator=noise.generator,
            positive=positive,
            negative=negative,
            num_inference_steps=steps,
            guidance_scale=7.5,
            id="denoise",
        )
        g.output("image", nodes.VaeDecode(vae=model.vae, latent=denoise.latent, id="image"))
    ours, files = json.loads(g.to_json()), json.loads(text)
    for extra in ("$schema", "expect"):
        files.pop(extra, None)
    assert ours == files


def test_ids_come_from_the_type_unless_they_are_given():
    with weft.Graph() as g:
        first, second = nodes.Generator(seed=1), nodes.Generator(seed=2)
        third = nodes.Generator(seed=2, id="mine")
    assert [str(wire) for wire in (first, second, third)] == ["generator", "generator_2", "mine"]
    assert repr(third) == "<weft.Wire mine: generator>"
    with g, pytest.raises(weft.Error, match='"mine" already'):
        nodes.Generator(seed=2, id="mine")


def test_an_error_comes_at_the_line_that_made_it():
    with weft.Graph() as g:
        model = nodes.LoadModel(path="models/sketch")
        with pytest.raises(weft.GraphError, match='"vae" expects vae') as error:
            nodes.VaeDecode(vae=model.unet, latent=3)
    frames = inspect.getinnerframes(error.value.__traceback__)
    assert any("nodes.VaeDecode(vae=model.unet" in "".join(frame.code_context or ()) for frame in frames)
    problem = error.value.problems[0]
    assert problem.node == "vae_decode" and problem.type == "VaeDecode"
    assert problem.file == __file__ and problem.line > 0
    assert g._handle.node_ids() == ["load_model"], "a step that is refused leaves no trace"


def test_misspelt_nodes_ports_and_outputs_say_the_nearest():
    with weft.Graph():
        model = nodes.LoadModel(path="models/sketch")
        with pytest.raises(AttributeError, match='no output "vea"; did you mean "vae"'):
            model.vea
        with pytest.raises(weft.GraphError, match='did you mean "latent"'):
            nodes.VaeDecode(vae=model.vae, latnet=model.vae)
        with pytest.raises(AttributeError, match='did you mean "VaeDecode"'):
            nodes.VaeDecod


def test_wires_stay_in_their_graph_and_values_outside():
    with weft.Graph():
        model = nodes.LoadModel(path="models/sketch")
    with pytest.raises(weft.ArgumentError, match='"vae" is a wire of a graph, which has no value yet'):
        nodes.VaeDecode(vae=model.vae, latent=np.zeros((1, 4, 8, 8), np.float32))
    with weft.Graph():
        with pytest.raises(weft.ArgumentError, match="a wire of another graph"):
            nodes.VaeDecode(vae=model.vae)
        with pytest.raises(weft.ArgumentError, match="declare it with g.param"):
            nodes.VaeDecode(latent=np.zeros((1, 4, 8, 8), np.float32))
        with pytest.raises(weft.ArgumentError, match="which has several outputs: noise, generator"):
            other = nodes.LoadModel(path="models/sketch")
            nodes.SaveTensor(
                tensor=nodes.RandomLatent(
                    vae=other.vae, generator=nodes.Generator(seed=1), width=8, height=8
                ),
                path="x.npy",
            )


def test_values_go_in_through_params(model, latent):
    with weft.Graph() as g:
        vae = g.param("vae", type="vae")
        g.output("image", nodes.VaeDecode(vae=vae, latent=g.param("latent", type="latent")))
    made = g.run(vae=model.vae, latent=np.asarray(latent), progress=False)
    assert made.image.tobytes() == nodes.VaeDecode(vae=model.vae, latent=latent).tobytes()
    with pytest.raises(weft.GraphError, match='"latent"'):
        g.run(vae=model.vae)
    with pytest.raises(weft.GraphError, match="expects vae, not unet"):
        g.run(vae=model.unet, latent=latent)


@weft.node(name="AddOne")
def add_one(x: int) -> int:
    "x + 1"
    return x + 1


@weft.node(name="IsBelow")
def is_below(x: int, limit: int) -> bool:
    "x < limit"
    return x < limit


def test_a_loop_goes_on_while_a_carried_bool_holds():
    with weft.Graph() as g:
        limit = g.param("limit", type="int", default=5)
        with weft.Loop(while_="going", carry=dict(x=0, going=True), max_rounds=50) as loop:
            x = nodes.AddOne(x=loop.x)
            loop.next(x=x, going=nodes.IsBelow(x=x, limit=limit))
            loop.collect(seen=loop.index)
        g.output("x", loop.x)
        g.output("seen", loop.seen)
    assert g.run().x == 5 and g.run(limit=7).seen == [0, 1, 2, 3, 4, 5, 6]


def test_if_takes_one_of_two_bodies():
    with weft.Graph() as g:
        flag = g.param("flag", type="bool")
        x = g.param("x", type="int", default=1)
        picked = weft.If(
            flag,
            then=lambda: dict(x=nodes.AddOne(x=x)),
            otherwise=lambda: dict(x=nodes.AddOne(x=nodes.AddOne(x=x))),
        )
        g.output("x", picked)
    assert g.run(flag=True).x == 2 and g.run(flag=False).x == 3
    assert weft.from_json(g.to_json()).run(flag=False).x == 3


def test_loops_nest_and_read_what_is_around():
    with weft.Graph() as g:
        with weft.Loop(over=[1, 2, 3], carry=dict(x=0)) as outer:
            with weft.Loop(over=[1, 2], carry=dict(x=outer.x)) as inner:
                inner.next(x=nodes.AddOne(x=inner.x))
            outer.next(x=inner.x)
        g.output("x", outer.x)
    assert g.run().x == 6


def test_a_body_that_fails_leaves_the_graph_as_it_was():
    with weft.Graph() as g:
        with pytest.raises(ZeroDivisionError):
            with weft.Loop(over=[1], carry=dict(x=0)) as loop:
                nodes.AddOne(x=loop.x)
                1 / 0
        with pytest.raises(ZeroDivisionError):
            weft.If(g.param("flag", type="bool"), then=lambda: 1 / 0, otherwise=dict)
        g.output("x", nodes.AddOne(x=1))
    assert g.run(flag=True).x == 2


def test_mistakes_in_loops_are_told():
    with pytest.raises(weft.ArgumentError, match="with weft.Graph"):
        weft.Loop(over=[1])
    with weft.Graph() as g:
        with pytest.raises(weft.GraphError, match="goes .over. a list"):
            with weft.Loop(carry=dict(x=0)):
                pass
        with pytest.raises(weft.GraphError, match='"y"'):
            with weft.Loop(over=[1], carry=dict(x=0)) as loop:
                loop.next(y=loop.x)
        wire = nodes.AddOne(x=1)
        with pytest.raises(TypeError, match="weft.If"):
            if wire:
                pass
        with pytest.raises(TypeError, match="weft.Loop"):
            list(wire)
        with pytest.raises(AttributeError, match="carries int"):
            wire.nothing
    assert g._handle.node_ids() == ["add_one"]


def test_a_loaded_graph_can_be_gone_on_with():
    g = weft.load("txt2img")
    latent = weft.Wire(g._handle, "denoise", "latent", [], "latent")
    with g:
        g.output("latent", latent)
    both = g.run(steps=1, progress=False)
    assert set(both) == {"image", "latent"}
    assert both.latent.shape == (1, 4, 16, 16)


def test_params_like_an_inner_port_take_its_range():
    with weft.Graph() as g:
        seed = g.param("seed", like="random.seed")
        g.output("generator", nodes.Generator(seed=seed, id="random"))
    assert g.params["seed"].type == "int"
    with pytest.raises(weft.Error, match='"seed" already'):
        g.param("seed", type="int")
