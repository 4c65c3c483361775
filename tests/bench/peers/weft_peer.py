"""weft, by its Python module."""

import glob
import os
import subprocess
import sys

import inputs
import weft
from worker import serve

HERE = os.path.dirname(os.path.abspath(__file__))

nodes = weft.nodes


def quantize(case):
    """Ranges for 8 bits beside the model, found with the inputs of the benchmark."""
    if glob.glob(os.path.join(case["model"], "unet", "*.int8.json")):
        return
    graph = os.path.join(os.path.dirname(HERE), "graphs", f"guided_step_{os.path.basename(case['model'])}.json")
    command = [os.path.join(os.path.dirname(sys.executable), "weft"), "quantize", graph, "--precision", "bf16"]
    command += ["--param", f"model={case['model']}"]
    for param in ("latent", "negative", "positive"):
        command += ["--param", f"{param}={case['inputs']}/{param}.npy"]
    subprocess.run(command, check=True)


def unet(case, given):
    if case["precision"] == "int8":
        quantize(case)
    unet_part = nodes.LoadModel(path=case["model"], precision=case["precision"]).unet

    def conditioning(which):
        pooled = "pooled_" + which
        if pooled not in given:
            return nodes.MakeConditioning(tokens=given[which])
        made = nodes.MakeConditioning(tokens=given[which], pooled=given[pooled])
        height, width = inputs.SIZES[:2]
        return nodes.SizeConditioning(conditioning=made, width=width, height=height)

    guide = nodes.Guidance(
        unet=unet_part,
        negative=conditioning("negative"),
        positive=conditioning("positive"),
        guidance_scale=inputs.GUIDANCE,
    )
    scheduler = nodes.DDIMScheduler()
    step = nodes.Timesteps(scheduler=scheduler, num_inference_steps=1000).steps[0]
    latent = given["latent"]
    return lambda: nodes.PredictNoise(denoiser=guide, latent=latent, step=step)


def vae_decode(case, given):
    vae = nodes.LoadModel(path=case["model"], precision=case["precision"]).vae
    return lambda: nodes.VaeDecode(vae=vae, latent=given["latent"])


def text(case, given):
    clip = nodes.LoadModel(path=case["model"], precision=case["precision"]).clip
    return lambda: nodes.ClipEncode(clip=clip, tokens=given["tokens"]).tokens


def load(case):
    weft.set_threads(case["threads"])
    return {"unet": unet, "vae_decode": vae_decode, "text": text}[case["part"]](
        case, inputs.load(case)
    )


serve(load)
