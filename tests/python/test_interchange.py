"""To and from diffusers."""

import numpy as np
import pytest

import weft

EMBEDDINGS = np.random.default_rng(3).standard_normal((1, 7, 32)).astype(np.float32)


def test_text_embeddings_go_in_and_out():
    pooled = np.ones((1, 8), np.float32)
    conditioning = weft.conditioning(EMBEDDINGS, pooled)
    assert isinstance(conditioning, weft.Conditioning) and conditioning.traits == {"width": 32}
    assert conditioning.tokens.tolist() == EMBEDDINGS.tolist()
    assert conditioning.pooled.tolist() == pooled.tolist()
    assert weft.conditioning(EMBEDDINGS).pooled is None
    out = weft.nodes.ConditioningTensors(conditioning=conditioning)
    assert out.tokens.tolist() == EMBEDDINGS.tolist()


def test_embeddings_of_another_shape_are_refused():
    with pytest.raises(weft.GraphError, match=r'"tokens" expected \[batch, tokens, width\]'):
        weft.conditioning(EMBEDDINGS[0])
    with pytest.raises(weft.GraphError, match='"pooled" is of 2 texts, the tokens of 1'):
        weft.conditioning(EMBEDDINGS, np.ones((2, 8), np.float32))


def test_the_sketch_models_own_embeddings_draw_the_same_picture(model):
    nodes = weft.nodes
    prompt = nodes.EncodePrompt(tokenizer=model.tokenizer, clip=model.clip, text="a red circle")
    again = weft.conditioning(np.array(prompt.tokens))
    latent = np.random.default_rng(1).standard_normal((1, 4, 8, 8)).astype(np.float32)
    step = {"index": 0, "timestep": 500.0, "sigma": 1.0}
    noises = [
        nodes.PredictNoise(
            denoiser=nodes.Guidance(unet=model.unet, positive=positive, negative=positive),
            latent=latent,
            step=step,
        )
        for positive in (prompt, again)
    ]
    assert noises[0].tobytes() == noises[1].tobytes()


def test_a_width_that_does_not_fit_the_network_names_both(model):
    with pytest.raises(weft.GraphError, match="32"):
        weft.nodes.Guidance(
            unet=model.unet,
            positive=weft.conditioning(EMBEDDINGS),
            negative=weft.conditioning(EMBEDDINGS),
        )


def test_scheduler_options_go_in_and_out(model):
    config = weft.scheduler_config(
        {"_class_name": "X", "num_train_timesteps": 100, "beta_schedule": "linear", "sigma": float("inf")}
    )
    assert config.to_dict()["num_train_timesteps"] == 100 and "_class_name" not in config.to_dict()
    scheduler = weft.nodes.DDIMScheduler(config=config)
    assert max(step.timestep for _, step in scheduler.steps(5)) < 100
    assert model.scheduler_config.to_dict()["num_train_timesteps"] == 1000
    with pytest.raises(weft.GraphError, match='"text"'):
        weft.nodes.ParseSchedulerConfig(text="no json")


def test_diffusers_schedulers_take_the_same_steps(model):
    diffusers = pytest.importorskip("diffusers")
    theirs = diffusers.DDIMScheduler.from_config(model.scheduler_config.to_dict())
    ours = weft.nodes.DDIMScheduler(config=weft.scheduler_config(theirs.config))
    theirs.set_timesteps(7)
    assert [step.timestep for _, step in ours.steps(7)] == theirs.timesteps.tolist()
