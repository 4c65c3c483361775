"""What a denoising loop written in Python costs over the same loop in a graph file.

    python tests/bench/python_loop.py [PAIRS] [STEPS]

Both draw a whole picture with the sketch model, in turn; it prints the median of the ratios.
"""

import statistics
import sys
import time

import weft

nodes = weft.nodes
PROMPT = "a red circle left of a blue square"


def by_graph(graph, steps):
    return graph.run(prompt=PROMPT, seed=1, steps=steps, progress=False).image


def by_hand(steps):
    model = nodes.LoadModel(path="models/sketch")
    clip = dict(tokenizer=model.tokenizer, clip=model.clip)
    positive = nodes.EncodePrompt(**clip, text=PROMPT)
    negative = nodes.EncodePrompt(**clip, text="")
    scheduler = nodes.EulerAncestralDiscreteScheduler(config=model.scheduler_config)
    drawn = nodes.RandomLatent(
        vae=model.vae, generator=nodes.Generator(seed=1), width=128, height=128
    )
    times = nodes.Timesteps(scheduler=scheduler, num_inference_steps=steps)
    latent = nodes.ScaleNoise(scheduler=scheduler, noise=drawn.noise, first=times.first)
    guide = nodes.Guidance(
        unet=model.unet, positive=positive, negative=negative, guidance_scale=7.5
    )
    state, generator = times.state, drawn.generator
    for _, step in scheduler.steps(steps):
        scaled = nodes.ScaleInput(scheduler=scheduler, latent=latent, step=step)
        noise = nodes.PredictNoise(denoiser=guide, latent=scaled, step=step)
        moved = nodes.SchedulerStep(
            scheduler=scheduler,
            noise=noise,
            latent=latent,
            step=step,
            state=state,
            generator=generator,
        )
        latent, state, generator = moved.latent, moved.state, moved.generator
    return nodes.VaeDecode(vae=model.vae, latent=latent)


def timed(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main(pairs=21, steps=50):
    graph = weft.load("txt2img")
    model = nodes.LoadModel(path="models/sketch")
    keep = (model.unet, model.vae, model.clip)  # so that both find the weights in memory
    assert by_hand(steps).tobytes() == by_graph(graph, steps).tobytes(), "not the same picture"
    ratios, graphs, hands = [], [], []
    for pair in range(pairs):
        both = [lambda: by_graph(graph, steps), lambda: by_hand(steps)]
        if pair % 2:
            hand, drawn = timed(both[1]), timed(both[0])
        else:
            drawn, hand = timed(both[0]), timed(both[1])
        graphs.append(drawn)
        hands.append(hand)
        ratios.append(hand / drawn)
    del keep
    print(
        f"{pairs} pairs of {steps} steps: graph file {statistics.median(graphs) * 1e3:.1f} ms, "
        f"Python loop {statistics.median(hands) * 1e3:.1f} ms, "
        f"median of the ratios {statistics.median(ratios):.4f}"
    )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
