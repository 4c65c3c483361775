"""OpenVINO: the networks of diffusers and transformers, converted once and kept beside the model."""

import json
import os
import subprocess
import sys

import inputs
import numpy
import openvino
import pytorch_peer
import torch
from worker import serve


class Unet(torch.nn.Module):
    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, latents, timestep, texts, pooled=None, sizes=None):
        added = None if pooled is None else {"text_embeds": pooled, "time_ids": sizes}
        return self.module(
            latents, timestep, encoder_hidden_states=texts, added_cond_kwargs=added, return_dict=False
        )[0]


class Decoder(torch.nn.Module):
    def __init__(self, vae):
        super().__init__()
        self.vae = vae

    def forward(self, latent):
        return self.vae.decode(latent, return_dict=False)[0]


class Text(torch.nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, tokens):
        return self.encoder(tokens, return_dict=False)[0]


def unet(case, given):
    latents, timestep, texts, added = pytorch_peer.unet_arguments(case, given)
    arguments = [latents, timestep, texts]
    if added is not None:
        arguments += [added["text_embeds"], added["time_ids"]]
    # In the type of the file: SDXL's network takes 10 GB in f32.
    stored = dict(case, precision="f16")
    return (lambda: Unet(pytorch_peer.unet_module(stored))), arguments, inputs.guided


def vae_decode(case, given):
    import diffusers

    vae = lambda: diffusers.AutoencoderKL.from_pretrained(case["model"], subfolder="vae").eval()
    scaling = diffusers.AutoencoderKL.load_config(case["model"], subfolder="vae")["scaling_factor"]
    latent = torch.from_numpy(given["latent"]) / scaling
    picture = lambda y: numpy.clip(y / 2 + 0.5, 0, 1).transpose(0, 2, 3, 1)
    return (lambda: Decoder(vae())), [latent], picture


def text(case, given):
    import transformers

    encoder = lambda: transformers.CLIPTextModel.from_pretrained(
        os.path.join(case["model"], "text_encoder"), dtype=torch.float32, attn_implementation="eager"
    ).eval()
    return (lambda: Text(encoder())), [torch.from_numpy(given["tokens"]).long()], lambda y: y


def prepare(case):
    """What to convert, its arguments, and what makes the other peers' result of its answer."""
    torch.set_grad_enabled(False)
    plain = dict(case, precision="f32")  # the file holds f16 weights; the device converts
    return {"unet": unet, "vae_decode": vae_decode, "text": text}[case["part"]](plain, inputs.load(case))


def converted_path(case):
    return os.path.join(case["converted"], f"{os.path.basename(case['model'])}_{case['part']}.xml")


def convert(case):
    make, arguments, _ = prepare(case)
    converted = openvino.convert_model(
        make(), example_input=tuple(arguments), input=[list(a.shape) for a in arguments]
    )
    openvino.save_model(converted, converted_path(case), compress_to_fp16=True)


def load(case):
    _, arguments, finish = prepare(case)
    path = converted_path(case)
    if not os.path.exists(path):
        os.makedirs(case["converted"], exist_ok=True)
        # In a process of its own: converting takes far more memory than running does.
        subprocess.run([sys.executable, __file__, "--convert", json.dumps(case)], check=True)
    compiled = openvino.Core().compile_model(
        path,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": "f32" if case["precision"] == "f32" else "bf16",
            "INFERENCE_NUM_THREADS": case["threads"],
            "PERFORMANCE_HINT": "LATENCY",
        },
    )
    request = compiled.create_infer_request()
    arrays = [argument.numpy() for argument in arguments]
    return lambda: finish(list(request.infer(arrays).values())[0])


if sys.argv[1:2] == ["--convert"]:
    convert(json.loads(sys.argv[2]))
else:
    serve(load)
