"""Whole pictures by diffusers' pipelines on one tiny random model.

The model, the cases and the order of the random draws are described in tests/goldens/runs/README.md.
"""

import copy
import shutil
import warnings

import diffusers
import numpy
import torch
from PIL import Image
from transformers import CLIPTokenizer

import model_goldens
import random_models as models
import tokenizer_goldens
from golden_files import GOLDENS, generator, write_json, write_rows, write_safetensors

FOLDER = GOLDENS / "runs"
# SD 1.5's own.
SCHEDULER = {"_class_name": "PNDMScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
             "num_train_timesteps": 1000, "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1,
             "trained_betas": None, "clip_sample": False}
UNET = dict(model_goldens.blocks(model_goldens.CROSS, model_goldens.CROSS, model_goldens.PLAIN), sample_size=8,
            in_channels=4, out_channels=4, block_out_channels=[12, 16, 20], layers_per_block=1, cross_attention_dim=24,
            attention_head_dim=4, norm_num_groups=4)
VAE = dict(model_goldens.levels(4), block_out_channels=[8, 12, 16, 16], layers_per_block=1, norm_num_groups=4,
           latent_channels=4, sample_size=64, scaling_factor=0.18215)

PROMPT, NEGATIVE = "a red circle left of a blue square", "blurry, low quality"


def case(name, kind, scheduler, steps=10, seed=1, **more):
    return {"name": name, "kind": kind, "scheduler": scheduler, "options": {}, "steps": steps, "seed": seed,
            "prompt": PROMPT, "negative": NEGATIVE, "guidance_scale": 5.0, "width": 64, "height": 64, **more}


CASES = [
    case("pndm", "txt2img", "PNDMScheduler"),
    case("ddim", "txt2img", "DDIMScheduler", seed=2),
    case("ddpm", "txt2img", "DDPMScheduler", seed=3),
    case("lms", "txt2img", "LMSDiscreteScheduler", seed=4),
    case("euler", "txt2img", "EulerDiscreteScheduler", seed=5),
    case("euler_ancestral", "txt2img", "EulerAncestralDiscreteScheduler", steps=20, seed=6),
    case("heun", "txt2img", "HeunDiscreteScheduler", steps=6, seed=7),
    case("dpm_multistep_karras", "txt2img", "DPMSolverMultistepScheduler", seed=8, options={"use_karras_sigmas": True}),
    case("dpm_multistep_sde", "txt2img", "DPMSolverMultistepScheduler", seed=9, options={"algorithm_type": "sde-dpmsolver++"}),
    case("dpm_singlestep", "txt2img", "DPMSolverSinglestepScheduler", seed=10, options={"lower_order_final": True}),
    case("unipc", "txt2img", "UniPCMultistepScheduler", seed=11),
    case("lcm", "txt2img", "LCMScheduler", steps=4, seed=12),
    case("v_prediction", "txt2img", "DDIMScheduler", seed=13, options={"prediction_type": "v_prediction"}),
    case("wide", "txt2img", "EulerDiscreteScheduler", seed=14, width=96, prompt="a CAT, don't; café 猫"),
    case("without_guidance", "txt2img", "EulerDiscreteScheduler", seed=15, guidance_scale=1.0),
    case("img2img_pndm", "img2img", "PNDMScheduler", seed=21, strength=0.6),
    case("img2img_ddim", "img2img", "DDIMScheduler", seed=22, strength=0.6),
    case("img2img_euler_ancestral", "img2img", "EulerAncestralDiscreteScheduler", seed=23, strength=0.6),
    case("img2img_dpm", "img2img", "DPMSolverMultistepScheduler", seed=24, strength=0.6),
    case("inpaint_channels", "inpaint9", "EulerDiscreteScheduler", seed=31),
    case("inpaint_channels_ddim", "inpaint9", "DDIMScheduler", seed=32),
    case("inpaint_blend_ddim", "inpaint4", "DDIMScheduler", seed=33),
    case("inpaint_blend_euler_ancestral", "inpaint4", "EulerAncestralDiscreteScheduler", seed=34),
]


def write_part(model, folder, dtype):
    """One part (its `config.json` and weights) of a model."""
    folder.mkdir(parents=True)
    model_goldens.write_config(model, folder)
    model_goldens.write_weights(model, folder / "diffusion_pytorch_model.safetensors.zst", dtype)


def make_model(folder, tag):
    """A model in memory (float32, from the weights as stored) and in folder/model, folder/inpaint_unet.

    `tag` decides the weights. Answers (tokenizer, text encoder, VAE, {channels: UNet})."""
    root = folder / "model"
    write_json(root / "model_index.json", {
        "_class_name": "StableDiffusionPipeline", "_diffusers_version": diffusers.__version__,
        "feature_extractor": [None, None], "safety_checker": [None, None],
        "scheduler": ["diffusers", "PNDMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"]})
    write_json(root / "scheduler" / "scheduler_config.json", SCHEDULER)

    vocabulary, _ = tokenizer_goldens.write_vocabulary(root / "tokenizer")
    write_json(root / "tokenizer" / "tokenizer_config.json", {"model_max_length": 77, "tokenizer_class": "CLIPTokenizer"})
    tokenizer = CLIPTokenizer.from_pretrained(root / "tokenizer")

    text_config = dict(vocab_size=len(vocabulary), hidden_size=24, intermediate_size=64, num_hidden_layers=2,
                       num_attention_heads=4, max_position_embeddings=77, hidden_act="quick_gelu", eos_token_id=2,
                       bos_token_id=0, pad_token_id=1, projection_dim=24)
    ids = models.clip_inputs(text_config, 5, 2, 77)
    text = models.build_clip(f"{tag}.text_encoder", text_config, torch.float16, ids, False)
    text.config.architectures = ["CLIPTextModel"]
    write_json(root / "text_encoder" / "config.json",
               {**text.config.to_diff_dict(), "model_type": "clip_text_model", **text_config})
    model_goldens.write_weights(text, root / "text_encoder" / "model.safetensors.zst", "f16",
                                model_goldens.rename_text("text_model."))

    image = models.smooth_picture(11, 1, 64, 64)
    vae = models.build_vae(f"{tag}.vae", VAE, torch.bfloat16, image, torch.randn(1, 4, 8, 8, generator=generator(12)))
    write_part(vae, root / "vae", "bf16")
    unets = {}
    for channels, place in ((4, root), (9, folder / "inpaint_unet")):
        config = {**UNET, "in_channels": channels}
        inputs = models.unet_inputs(config, 13, 2, 8, 8, 77, 501.0)
        unets[channels] = models.build_unet(f"{tag}.unet{channels}", config, torch.bfloat16, inputs)
        write_part(unets[channels], place / "unet", "bf16")
    return tokenizer, text, vae, unets


def write_pictures(folder, seed):
    """input.png, and mask.png where white is drawn anew."""
    to_png((models.smooth_picture(seed, 1, 64, 64)[0] / 2 + 0.5).permute(1, 2, 0).numpy(), folder / "input.png")
    # The mask's edges lie on the latent's grid of 8, so that every way to shrink it agrees.
    mask = numpy.zeros((64, 64), numpy.uint8)
    mask[16:48, 24:64] = 255
    Image.fromarray(mask).save(folder / "mask.png", optimize=True)


def to_png(picture, path):
    Image.fromarray((picture * 255).round().astype(numpy.uint8)).save(path, optimize=True)


def run(folder, spec, tokenizer, text, vae, unets):
    """The picture [h, w, 3] in 0..1 and the latent it was decoded from."""
    kinds = {"txt2img": diffusers.StableDiffusionPipeline, "img2img": diffusers.StableDiffusionImg2ImgPipeline,
             "inpaint4": diffusers.StableDiffusionInpaintPipeline, "inpaint9": diffusers.StableDiffusionInpaintPipeline}
    scheduler = getattr(diffusers, spec["scheduler"]).from_pretrained(folder / "model" / "scheduler", **spec["options"])
    pipeline = kinds[spec["kind"]](
        tokenizer=tokenizer, text_encoder=text, vae=vae, unet=unets[9 if spec["kind"] == "inpaint9" else 4],
        scheduler=scheduler, safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    given = dict(prompt=spec["prompt"], negative_prompt=spec["negative"], guidance_scale=spec["guidance_scale"],
                 num_inference_steps=spec["steps"], generator=generator(spec["seed"]), output_type="latent")
    if spec["kind"] == "txt2img":
        given |= dict(width=spec["width"], height=spec["height"])
    else:
        given |= dict(image=Image.open(folder / "input.png"), strength=spec.get("strength", 1.0))
    if spec["kind"].startswith("inpaint"):
        given |= dict(mask_image=Image.open(folder / "mask.png"), width=64, height=64)
    latent = pipeline(**given).images
    decoded = vae.decode(latent / vae.config.scaling_factor).sample[0]
    return (decoded / 2 + 0.5).clamp(0, 1).permute(1, 2, 0).numpy(), latent


def disturbed(unets):
    """The same UNets with every weight off by about one in a million."""
    shaken = copy.deepcopy(unets)
    source = generator(3)
    for unet in shaken.values():
        for parameter in unet.parameters():
            parameter.data *= 1 + 1e-6 * torch.randn(parameter.shape, generator=source)
    return shaken


def make():
    warnings.filterwarnings("ignore")
    shutil.rmtree(FOLDER / "model", ignore_errors=True)
    shutil.rmtree(FOLDER / "inpaint_unet", ignore_errors=True)
    tokenizer, text, vae, unets = make_model(FOLDER, "runs")
    write_pictures(FOLDER, 21)
    for model in (text, vae, *unets.values()):
        print(f"  {type(model).__name__}: {model.figures}", flush=True)
    shaken, rows, latents = disturbed(unets), [], {}
    for spec in CASES:
        picture, latent = run(FOLDER, spec, tokenizer, text, vae, unets)
        moved = 255 * abs(picture - run(FOLDER, spec, tokenizer, text, vae, shaken)[0]).max()
        clipped = ((picture <= 0) | (picture >= 1)).mean()
        print(f"  {spec['name']}: spread {255 * picture.std():.0f}/255, {100 * clipped:.0f}% clipped, "
              f"weights off by 1e-6 move it {moved:.3f}/255", flush=True)
        # A picture that rounding moves, or that is nearly one colour, proves nothing.
        assert moved < 0.7 and 255 * picture.std() > 15 and clipped < 0.3, spec["name"]
        # ... and one that another word leaves as it was, too.
        changed = {**spec, "prompt": spec["prompt"].replace("a ", "the ", 1)}
        told = 255 * abs(picture - run(FOLDER, changed, tokenizer, text, vae, unets)[0]).max()
        assert told > 4, f"{spec['name']}: another prompt moves it only {told:.1f}/255"
        to_png(picture, FOLDER / f"{spec['name']}.png")
        latents[spec["name"]] = latent
        rows.append({**spec, "picture": f"{spec['name']}.png"})
    write_safetensors(FOLDER / "latents.safetensors", latents)
    write_rows(FOLDER / "cases.json", {"model": "model", "inpaint_unet": "inpaint_unet", "image": "input.png",
                                      "mask": "mask.png", "latents": "latents.safetensors"}, "cases", rows)
    return f"{len(rows)} pictures"
