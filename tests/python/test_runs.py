"""What happens while a graph runs: callbacks, Ctrl-C, threads, memory."""

import _thread
import gc
import io
import os
import signal
import sys
import threading
import time

import numpy as np
import pytest

import weft

LONG = 1000  # steps, as many as there are: nobody waits for them


@pytest.fixture(scope="module")
def graph():
    return weft.load("txt2img")


def test_step_callbacks_see_every_round(graph):
    seen = []

    def on_step(step):
        seen.append((step.index, step.total, step.loop))
        assert step.carried["latent"].shape == (1, 4, 16, 16)
        assert {"latent", "state", "generator"} <= set(step.carried)
        assert len(step.collected) == 0, "nobody wants what this loop collects"
        assert step.preview is None

    graph.run(steps=3, on_step=on_step, progress=False)
    assert [(index, total) for index, total, _ in seen] == [(0, 3), (1, 3), (2, 3)]
    assert seen[0][2].endswith("loop")


def test_a_callback_that_only_looks_changes_nothing(graph):
    plain = graph.run(steps=3, progress=False).image
    watched = graph.run(steps=3, on_step=lambda step: step.carried["latent"], progress=False).image
    assert plain.tobytes() == watched.tobytes()


def test_a_callback_can_change_the_latent(graph):
    def zero(step):
        step.carried["latent"] = np.zeros((1, 4, 16, 16), np.float32)

    latents = []
    graph.run(
        steps=3,
        on_step=lambda step: (zero(step), latents.append(step.carried["latent"])),
        progress=False,
    )
    assert all(not latent.any() for latent in latents)
    changed = graph.run(steps=3, on_step=zero, progress=False).image
    assert changed.tobytes() != graph.run(steps=3, progress=False).image.tobytes()


def test_a_callback_can_change_the_guidance(graph):
    def strong(step):
        step.set("guidance_scale", 20.0)

    changed = graph.run(steps=3, on_step=strong, progress=False).image
    assert changed.tobytes() != graph.run(steps=3, progress=False).image.tobytes()
    with pytest.raises(weft.GraphError, match='has an input "guidance_scael"; did you mean "guidance_scale"'):
        graph.run(steps=3, on_step=lambda step: step.set("guidance_scael", 1.0), progress=False)


def test_a_callback_can_stop_the_loop(graph):
    indices = []

    def stop_early(step):
        indices.append(step.index)
        if step.index == 1:
            step.stop()

    assert graph.run(steps=LONG, on_step=stop_early, progress=False).image.width == 128
    assert indices == [0, 1]


def test_a_step_is_over_when_the_callback_has_returned(graph):
    kept = []
    graph.run(steps=1, on_step=kept.append, progress=False)
    with pytest.raises(weft.ArgumentError, match="this step is over"):
        kept[0].carried


def test_unknown_carried_names_say_the_nearest(graph):
    with pytest.raises(KeyError, match='did you mean "latent'):
        graph.run(steps=1, on_step=lambda step: step.carried["latnet"], progress=False)
    with pytest.raises(TypeError, match="cannot be changed"):
        graph.run(
            steps=1, on_step=lambda step: step.collected.__setitem__("originals", 1), progress=False
        )


class Mine(Exception):
    pass


@pytest.mark.parametrize("callback", ["on_step", "on_progress"])
def test_an_exception_in_a_callback_stops_the_run_and_comes_out_unchanged(graph, callback):
    raised = Mine("stop")
    calls = []

    def fail(_):
        calls.append(1)
        raise raised

    with pytest.raises(Mine) as error:
        graph.run(steps=LONG, progress=False, **{callback: fail})
    assert error.value is raised and len(calls) == 1
    assert any(frame.name == "fail" for frame in error.traceback)


def previewed_graph():
    with weft.Graph() as g:
        model = weft.nodes.LoadModel(path="models/sketch")
        drawn = weft.nodes.RandomLatent(
            vae=model.vae, generator=weft.nodes.Generator(seed=1), width=64, height=64
        )
        with weft.Loop(over=[1, 2, 3], carry=dict(latent=drawn.noise)) as loop:
            weft.nodes.PreviewLatent(vae=model.vae, latent=loop.latent)
            loop.next(latent=loop.latent)
        g.output("latent", loop.latent)
    return g


def test_previews_come_to_their_callback_and_to_the_step():
    previews, in_steps = [], []
    previewed_graph().run(
        on_preview=previews.append,
        on_step=lambda step: in_steps.append(step.preview),
        progress=False,
    )
    assert [preview.shape for preview in previews] == [(1, 64, 64, 3)] * 3
    assert all(isinstance(preview, weft.Image) for preview in previews + in_steps)


def test_progress_says_how_far_the_loop_is(graph):
    heard = []
    graph.run(steps=3, on_progress=heard.append, progress=False)
    assert [(p.done, p.total) for p in heard if p.type == "Loop"] == [(1, 3), (2, 3), (3, 3)]
    assert heard[-1].seconds > 0


def test_bars_are_drawn_where_they_are_asked_for(graph, monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    graph.run(steps=3)
    assert sys.stderr.getvalue() == "", "no bar where nobody watches"
    graph.run(steps=3, progress=True)
    assert "3/3" in sys.stderr.getvalue()


def test_bars_without_tqdm_say_what_to_install(graph, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match="pip install tqdm"):
        graph.run(steps=1, progress=True)
    graph.run(steps=1, progress="auto")


@pytest.fixture
def ctrl_c():
    """Python listens to Ctrl-C, also where these tests run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def seconds_until_interrupted(interrupt, run):
    timer = threading.Timer(0.5, interrupt)
    timer.start()
    sent = time.monotonic() + 0.5
    with pytest.raises(KeyboardInterrupt):
        run()
    timer.join()
    return time.monotonic() - sent


def test_ctrl_c_cancels_within_a_step(graph, ctrl_c):
    before = signal.getsignal(signal.SIGINT)
    seconds = seconds_until_interrupted(
        lambda: os.kill(os.getpid(), signal.SIGINT),
        lambda: graph.run(steps=LONG, progress=False),
    )
    assert seconds < 5, "a step takes milliseconds; the machine may be busy"
    assert signal.getsignal(signal.SIGINT) is before
    graph.run(steps=1, progress=False)


def test_interrupt_main_cancels_too(graph, ctrl_c):
    seconds_until_interrupted(_thread.interrupt_main, lambda: graph.run(steps=LONG, progress=False))


def test_ctrl_c_during_a_callback_or_a_python_node_cancels(graph, ctrl_c):
    seconds_until_interrupted(
        lambda: os.kill(os.getpid(), signal.SIGINT),
        lambda: graph.run(steps=LONG, on_step=lambda step: time.sleep(0.01), progress=False),
    )

    @weft.node
    def slow() -> int:
        time.sleep(20)
        return 1

    seconds_until_interrupted(lambda: os.kill(os.getpid(), signal.SIGINT), slow)


def test_several_graphs_run_from_several_threads(graph):
    expected = {seed: graph.run(steps=3, seed=seed, progress=False).image.tobytes() for seed in range(4)}
    got = {}
    other = weft.load("txt2img")

    def draw(seed):
        steps = []
        chosen = graph if seed % 2 else other
        image = chosen.run(steps=3, seed=seed, on_step=steps.append, progress=False).image
        got[seed] = (image.tobytes(), len(steps))

    threads = [threading.Thread(target=draw, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == {seed: (picture, 3) for seed, picture in expected.items()}


def test_other_threads_go_on_while_a_graph_runs(graph):
    """The interpreter's lock is free while nodes run: a counting thread hardly waits."""
    ticks = []
    running = threading.Event()
    done = threading.Event()

    def tick():
        running.wait()
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    running.set()
    began = time.monotonic()
    graph.run(steps=20, progress=False)
    ended = time.monotonic()
    done.set()
    thread.join()
    during = [t for t in ticks if began <= t <= ended]
    assert len(during) > 20 * (ended - began), "it came to run, again and again"


def test_an_exception_in_another_thread_comes_out_there(graph):
    raised = []

    def run():
        try:
            graph.run(steps=LONG, on_step=lambda step: 1 / 0, progress=False)
        except ZeroDivisionError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(raised) == 1


def resident_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_500_runs_leave_no_memory_behind(model):
    """With callbacks, arrays in and out, a node in Python, and errors."""

    @weft.node
    def halved(latent: weft.types.Latent) -> weft.types.Latent:
        return weft.Tensor(latent * np.float32(0.5))

    with weft.Graph() as g:
        start = g.param("latent", type="latent")
        with weft.Loop(over=[1, 2, 3], carry=dict(latent=start)) as loop:
            loop.next(latent=halved(latent=loop.latent))
            loop.collect(seen=loop.latent)
        g.output("latent", loop.latent)
        g.output("seen", loop.seen)
    array = np.ones((1, 4, 64, 64), np.float32)

    def run(count):
        for _ in range(count):
            out = g.run(latent=array, on_step=lambda step: step.carried["latent"], progress=False)
            assert out.latent[0, 0, 0, 0] == 0.125
            with pytest.raises(weft.GraphError):
                g.run(latent=3)
        gc.collect()
        return resident_bytes()

    before = run(100)
    grown = run(500) - before
    # 500 runs that each kept one latent would be 32 MB.
    assert grown < 4_000_000, f"{grown} bytes more after 500 runs"


def test_a_model_that_is_kept_does_not_grow_with_every_run(graph, model):
    kept = (model.unet, model.vae, model.clip)
    for _ in range(10):
        graph.run(steps=1, progress=False)
    before = resident_bytes()
    for _ in range(60):
        graph.run(steps=1, progress=False)
    gc.collect()
    grown = resident_bytes() - before
    del kept
    assert grown < 2_000_000, f"{grown} bytes more after 60 runs"
