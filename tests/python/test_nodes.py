"""Nodes as functions, called at once."""

import inspect

import numpy as np
import pytest

import weft


def test_dir_lists_all_nodes_and_installed_composites():
    names = dir(weft.nodes)
    assert {"VaeDecode", "LoadModel", "Denoise", "EncodePrompt"} <= set(names)
    assert all(callable(getattr(weft.nodes, name)) for name in names)


def test_a_node_has_signature_and_docs_from_its_contract():
    signature = inspect.signature(weft.nodes.Timesteps)
    ports = ["scheduler", "num_inference_steps", "strength", "denoising_start", "denoising_end"]
    assert list(signature.parameters) == [*ports, "id"]
    assert signature.parameters["num_inference_steps"].default == 20
    assert signature.parameters["scheduler"].default is inspect.Parameter.empty
    doc = inspect.getdoc(weft.nodes.Timesteps)
    assert "at least 0, at most 1" in doc and "steps: list<step>" in doc


def test_an_unknown_node_says_the_nearest():
    with pytest.raises(AttributeError, match='unknown node type "VaeDecoder"; did you mean "VaeDecode"'):
        weft.nodes.VaeDecoder
    assert not hasattr(weft.nodes, "VaeDecoder")
    with pytest.raises(weft.NotFoundError):
        weft.nodes.Nothing


def test_one_output_is_the_value_and_several_are_attributes(model):
    generator = weft.nodes.Generator(seed=5)
    assert isinstance(generator, weft.Object) and generator.type == "generator"
    drawn = weft.nodes.RandomLatent(vae=model.vae, generator=generator, width=64, height=64)
    assert drawn.noise.shape == (1, 4, 8, 8) and drawn.noise is drawn.noise
    assert drawn["generator"].type == "generator" and "noise" in dir(drawn)
    with pytest.raises(AttributeError, match='no output "noize"; did you mean "noise"'):
        drawn.noize


def test_the_parts_of_a_model_open_one_by_one(model, tmp_path):
    assert model.vae.traits["channels"] == 4 and "width" in model.clip.traits
    assert repr(model.unet).startswith("<weft unet[")
    (tmp_path / "half" / "vae").mkdir(parents=True)
    half = weft.nodes.LoadModel(path="half")
    with pytest.raises(weft.GraphError, match='no folder "unet"'):
        half.unet


def test_a_whole_picture_by_hand_is_that_of_the_graph(model):
    nodes = weft.nodes
    positive = nodes.EncodePrompt(tokenizer=model.tokenizer, clip=model.clip, text="a red circle")
    negative = nodes.EncodePrompt(tokenizer=model.tokenizer, clip=model.clip, text="")
    scheduler = nodes.EulerAncestralDiscreteScheduler(config=model.scheduler_config)
    drawn = nodes.RandomLatent(
        vae=model.vae, generator=nodes.Generator(seed=3), width=128, height=128
    )
    times = nodes.Timesteps(scheduler=scheduler, num_inference_steps=4)
    latent = nodes.ScaleNoise(scheduler=scheduler, noise=drawn.noise, first=times.first)
    guide = nodes.Guidance(unet=model.unet, positive=positive, negative=negative, guidance_scale=7.5)
    state, generator = times.state, drawn.generator
    for index, step in scheduler.steps(4):
        assert step.index == index
        scaled = nodes.ScaleInput(scheduler=scheduler, latent=latent, step=step)
        noise = nodes.PredictNoise(denoiser=guide, latent=scaled, step=step)
        moved = nodes.SchedulerStep(
            scheduler=scheduler, noise=noise, latent=latent, step=step, state=state, generator=generator
        )
        latent, state, generator = moved.latent, moved.state, moved.generator
    image = nodes.VaeDecode(vae=model.vae, latent=latent)
    graph = weft.load("txt2img").run(prompt="a red circle", seed=3, steps=4, progress=False)
    assert image.tobytes() == graph.image.tobytes()


def test_steps_are_records_with_attributes(model):
    scheduler = weft.nodes.DDIMScheduler(config=model.scheduler_config)
    steps = [step for _, step in scheduler.steps(5)]
    assert len(steps) == 5 and isinstance(steps[0], weft.Step)
    assert steps[0].timestep > steps[1].timestep and steps[0].next.index == 1
    assert steps[-1].next is None and steps[0]["sigma"] == steps[0].sigma
    assert len(list(scheduler.steps(10, strength=0.5))) == 5
    with pytest.raises(AttributeError, match='no field "timestemp"; did you mean "timestep"'):
        steps[0].timestemp


def test_numpy_arrays_go_into_nodes(model):
    latent = np.zeros((1, 4, 8, 8), np.float32)
    image = weft.nodes.VaeDecode(vae=model.vae, latent=latent)
    assert isinstance(image, weft.Image) and image.shape == (1, 64, 64, 3)
    pixels = np.zeros((32, 16, 3), np.uint8)
    half = weft.nodes.ResizeImage(image=pixels, width=8, height=16)
    assert half.shape == (1, 16, 8, 3)


def test_scalars_of_numpy_are_numbers(model):
    generator = weft.nodes.Generator(seed=np.int64(5))
    drawn = weft.nodes.RandomLatent(
        vae=model.vae, generator=generator, width=np.int32(64), height=64
    )
    assert drawn.noise.shape == (1, 4, 8, 8)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda m: weft.nodes.VaeDecode(vae=m.vae), '"latent".*not fed|"latent".*required|"latent"'),
        (
            lambda m: weft.nodes.VaeDecode(vae=m.vae, latnt=np.zeros((1, 4, 8, 8), np.float32)),
            'VaeDecode has no input "latnt"; did you mean "latent"',
        ),
        (
            lambda m: weft.nodes.VaeDecode(vae=m.unet, latent=np.zeros((1, 4, 8, 8), np.float32)),
            '"vae" expects vae, not unet',
        ),
        (
            lambda m: weft.nodes.VaeDecode(vae=m.vae, latent=np.zeros((1, 3, 8, 8), np.float32)),
            "channels",
        ),
        (
            lambda m: weft.nodes.VaeDecode(vae=m.vae, latent=np.zeros((1, 4, 8, 8), np.uint8)),
            "f32",
        ),
        (
            lambda m: weft.nodes.VaeDecode(vae=m.vae, latent=np.zeros((1, 4, 8, 8))),
            "float64 cannot go on a wire",
        ),
        (lambda m: weft.nodes.Generator(seed="x"), '"seed" expects int, not text'),
        (lambda m: weft.nodes.Generator(seed=2**70), "does not fit in 64 bits"),
        (lambda m: weft.nodes.Generator(seed=object()), "a object cannot go on a wire"),
        (lambda m: weft.nodes.Generator(5), r"takes its inputs by name: Generator\(seed=…\)"),
        (lambda m: weft.nodes.VaeDecode(vae=m, latent=3), "which has several outputs: tokenizer"),
    ],
)
def test_a_bad_call_is_an_error_of_one_line(model, call, message):
    with pytest.raises(weft.Error, match=message) as error:
        call(model)
    assert "\n" not in str(error.value), error.value


def test_precision_of_calls_can_be_set(model, latent):
    assert weft.precision() in ("f32", "bf16")
    before = weft.precision()
    try:
        weft.set_precision("f32")
        exact = weft.nodes.VaeDecode(vae=model.vae, latent=latent)
        weft.set_precision("bf16")
        rough = weft.nodes.VaeDecode(vae=model.vae, latent=latent)
    finally:
        weft.set_precision(before)
    assert exact.tobytes() != rough.tobytes()
    assert np.abs(exact.astype(int) - rough).max() < 40


def test_threads_do_not_change_the_result(model, latent):
    before = weft.threads()
    try:
        weft.set_threads(1)
        one = weft.nodes.VaeDecode(vae=model.vae, latent=latent)
    finally:
        weft.set_threads(0)
    assert weft.threads() == before
    assert one.tobytes() == weft.nodes.VaeDecode(vae=model.vae, latent=latent).tobytes()
