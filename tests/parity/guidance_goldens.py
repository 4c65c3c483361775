"""What diffusers' pipelines hand to their scheduler after guidance, for the tiny UNets of tests/goldens/models.

guidance.safetensors holds, for each case, what goes in and `CASE.noise`. Token weights are there as well.
"""

import json
import warnings

import diffusers
import torch
import zstandard
from safetensors.torch import load

from golden_files import GOLDENS, generator, write_safetensors

MODELS = GOLDENS / "models"
SIZE = 8


class Recorder(diffusers.DDIMScheduler):
    """Keeps what the first step is called with."""

    def step(self, model_output, timestep, sample, **given):
        if not hasattr(self, "noise"):
            self.noise, self.timestep, self.latent = model_output, timestep, sample
        return super().step(model_output, timestep, sample, **given)


def load_part(kind, name, part):
    """One part of tests/goldens/models in float32, compressed or not."""
    folder = MODELS / name / part
    model = kind.from_config(json.loads((folder / "config.json").read_text()))
    data = next(folder.glob("*.safetensors*"))
    weights = data.read_bytes()
    if data.suffix == ".zst":
        weights = zstandard.ZstdDecompressor().decompress(weights)
    model.load_state_dict({key: tensor.float() for key, tensor in load(weights).items()})
    return model.eval()


def texts(unet, count, seed, tokens=7):
    return torch.randn(count, 1, tokens, unet.config.cross_attention_dim, generator=generator(seed))


def recorded(pipeline, **given):
    pipeline.set_progress_bar_config(disable=True)
    pipeline(num_inference_steps=2, output_type="latent", **given)
    return {"latent": pipeline.scheduler.latent, "timestep": pipeline.scheduler.timestep.float().reshape(1),
            "noise": pipeline.scheduler.noise}


def rescaled():
    """guidance_rescale, by StableDiffusionPipeline."""
    unet = load_part(diffusers.UNet2DConditionModel, "unet_sd2", "unet")
    positive, negative = texts(unet, 2, 1)
    pipeline = diffusers.StableDiffusionPipeline(
        vae=None, text_encoder=None, tokenizer=None, unet=unet, scheduler=Recorder(), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False)
    latents = torch.randn(1, 4, SIZE, SIZE, generator=generator(2))
    found = recorded(pipeline, prompt_embeds=positive, negative_prompt_embeds=negative, latents=latents,
                     guidance_scale=6.0, guidance_rescale=0.7, height=8 * SIZE, width=8 * SIZE)
    return {"positive": positive, "negative": negative, **found}


def pix2pix():
    """Both scales, by StableDiffusionInstructPix2PixPipeline."""
    unet = load_part(diffusers.UNet2DConditionModel, "unet_pix2pix", "unet")
    positive, negative = texts(unet, 2, 3)
    pipeline = diffusers.StableDiffusionInstructPix2PixPipeline(
        vae=load_part(diffusers.AutoencoderKL, "vae_four_levels", "vae"), text_encoder=None, tokenizer=None,
        unet=unet, scheduler=Recorder(), safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    latents = torch.randn(1, 4, SIZE, SIZE, generator=generator(4))
    image = torch.randn(1, 4, SIZE, SIZE, generator=generator(5))
    found = recorded(pipeline, prompt_embeds=positive, negative_prompt_embeds=negative, latents=latents, image=image,
                     guidance_scale=6.0, image_guidance_scale=1.7)
    return {"positive": positive, "negative": negative, "channels": image, **found}


def composed():
    """Two texts at once: the formula of diffusers' community pipeline composable_stable_diffusion."""
    unet = load_part(diffusers.UNet2DConditionModel, "unet_sd2", "unet")
    first, second, negative = texts(unet, 3, 6)
    latent, timestep = torch.randn(1, 4, SIZE, SIZE, generator=generator(7)), 400.0
    answers = unet(latent.repeat(3, 1, 1, 1), timestep, torch.cat([first, second, negative])).sample
    weights = 6.0 * torch.tensor([1.0, -0.4]).reshape(-1, 1, 1, 1)
    noise = answers[2:] + (weights * (answers[:2] - answers[2:])).sum(dim=0, keepdim=True)
    return {"first": first, "second": second, "negative": negative, "latent": latent,
            "timestep": torch.tensor([timestep]), "noise": noise}


def token_weights():
    """The three ways in which the weight of a token changes its hidden state."""
    states, empty = torch.randn(2, 6, 5, generator=generator(8)) + 0.3
    weights = torch.tensor([1.0, 1.3, 0.5, 1.0, -0.2, 1.0])[:, None]
    weighted = states * weights
    return {"states": states, "empty": empty, "weights": weights.flatten(), "multiply": weighted,
            "keep_mean": weighted * (states.mean() / weighted.mean()),
            "interpolate": torch.lerp(empty, states, weights)}


def make():
    warnings.filterwarnings("ignore")
    cases = {"rescaled": rescaled(), "pix2pix": pix2pix(), "composed": composed(), "token_weights": token_weights()}
    tensors = {f"{case}.{name}": tensor for case, found in cases.items() for name, tensor in found.items()}
    write_safetensors(GOLDENS / "guidance" / "guidance.safetensors", tensors)
    return f"{len(cases)} cases"
