"""A program that type checkers have nothing to say about."""

from __future__ import annotations

from typing import Any

import numpy as np

import weft


@weft.node
def tint(image: weft.types.Image, amount: float = 0.5) -> weft.types.Image:
    """Less blue."""
    pixels = np.array(image)
    pixels[..., 2] = pixels[..., 2] * amount
    return weft.Image(pixels)


def on_step(step: weft.Round) -> None:
    if step.index > 3:
        step.stop()
    step.set("guidance_scale", 3.0)
    step.carried["latent"] = np.asarray(step.carried["latent"]) * 0.5


def run() -> bytes:
    graph = weft.load("txt2img")
    result = graph.run(prompt="x", seed=3, on_step=on_step, progress=False, set={"noise.width": 64})
    print(graph.params["seed"].default, graph.plan().peak_bytes, result.info.seconds)
    image: Any = result.image
    return bytes(image.png())


def eager() -> weft.Image:
    model = weft.nodes.LoadModel(path="models/sketch")
    generator = weft.nodes.Generator(seed=5)
    drawn = weft.nodes.RandomLatent(vae=model.vae, generator=generator, width=64, height=64)
    scheduler = weft.nodes.DDIMScheduler(config=model.scheduler_config)
    for index, step in scheduler.steps(5, strength=0.5):
        print(index, step.timestep)
    latent: weft.types.Latent = drawn.noise
    image = weft.nodes.VaeDecode(vae=model.vae, latent=np.asarray(latent) * 2)
    print(image.width, image.shape[0], model.scheduler_config.to_dict()["beta_start"])
    return image


def written() -> weft.Graph:
    with weft.Graph(title="Noise") as g:
        model = weft.nodes.LoadModel(path=g.param("model", type="text", default="models/sketch"))
        drawn = weft.nodes.RandomLatent(
            vae=model.vae, generator=weft.nodes.Generator(seed=g.param("seed", like="generator.seed"))
        )
        with weft.Loop(over=[1, 2], carry={"latent": drawn.noise}) as loop:
            loop.next(latent=loop.latent)
        g.output("image", weft.nodes.VaeDecode(vae=model.vae, latent=loop.latent))
    return g


def fails() -> list[str]:
    try:
        weft.load("txt2img").check(steps=0)
    except weft.GraphError as error:
        return [problem.message for problem in error.problems]
    return []
