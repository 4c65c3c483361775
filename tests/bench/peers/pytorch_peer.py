"""PyTorch with diffusers and transformers."""

import os

import diffusers
import inputs
import torch
import transformers
from worker import serve

# In int8 weft alone computes.
TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16, "int8": torch.bfloat16}


def unet_module(case):
    return diffusers.UNet2DConditionModel.from_pretrained(
        case["model"], subfolder="unet", torch_dtype=TYPES[case["precision"]]
    ).eval()


def unet_arguments(case, given):
    """(latents of both passes, timestep, texts, what SDXL is told besides)"""
    dtype = TYPES[case["precision"]]
    latent = torch.from_numpy(given["latent"]).to(dtype)

    def both(prefix):
        rows = [torch.from_numpy(given[prefix + which]) for which in ("negative", "positive")]
        return torch.cat(rows).to(dtype)

    added = None
    if "pooled_positive" in given:
        added = {
            "text_embeds": both("pooled_"),
            "time_ids": torch.tensor([inputs.SIZES, inputs.SIZES], dtype=dtype),
        }
    return torch.cat([latent, latent]), torch.tensor(inputs.TIMESTEP), both(""), added


def unet(case, given):
    module = unet_module(case)
    latents, timestep, texts, added = unet_arguments(case, given)

    def run():
        noise = module(
            latents, timestep, encoder_hidden_states=texts, added_cond_kwargs=added, return_dict=False
        )[0]
        return inputs.guided(noise.float())

    return run


def vae_decode(case, given):
    dtype = TYPES[case["precision"]]
    vae = diffusers.AutoencoderKL.from_pretrained(
        case["model"], subfolder="vae", torch_dtype=dtype
    ).eval()
    latent = torch.from_numpy(given["latent"]).to(dtype) / vae.config.scaling_factor

    def run():
        image = vae.decode(latent, return_dict=False)[0].float()
        return (image / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1)

    return run


def text(case, given):
    encoder = transformers.CLIPTextModel.from_pretrained(
        os.path.join(case["model"], "text_encoder"), dtype=TYPES[case["precision"]]
    ).eval()
    tokens = torch.from_numpy(given["tokens"]).long()
    return lambda: encoder(tokens)[0].float()


def load(case):
    torch.set_num_threads(case["threads"])
    torch.set_grad_enabled(False)
    return {"unet": unet, "vae_decode": vae_decode, "text": text}[case["part"]](
        case, inputs.load(case)
    )


if __name__ == "__main__":
    serve(load)
