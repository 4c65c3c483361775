"""Whole pictures of every other family than SD 1.x by diffusers' pipelines, for weft's shipped graphs.

The models, the cases and what they share are described in tests/goldens/families/README.md.
"""

import copy
import shutil
import tempfile
import warnings

import diffusers
import torch
import transformers
import zstandard
from PIL import Image
from transformers import CLIPTokenizer

import model_goldens
import random_models as models
import run_goldens
import tokenizer_goldens
from golden_files import GOLDENS, generator, write_json, write_rows
from model_goldens import CROSS, PLAIN, blocks

FOLDER = GOLDENS / "families"
# The order of the options is that of SD's files.
SCHEDULER = {key: value for key, value in run_goldens.SCHEDULER.items() if key not in ("_class_name", "skip_prk_steps")}
EULER = {**SCHEDULER, "_class_name": "EulerDiscreteScheduler", "timestep_spacing": "leading", "interpolation_type": "linear",
         "use_karras_sigmas": False, "prediction_type": "epsilon"}
V_PREDICTION = {**SCHEDULER, "_class_name": "DDIMScheduler", "prediction_type": "v_prediction"}
DDIM = {**SCHEDULER, "_class_name": "DDIMScheduler"}
LOW_RES = {"_class_name": "DDPMScheduler", "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "scaled_linear",
           "clip_sample": True, "num_train_timesteps": 1000, "prediction_type": "epsilon", "variance_type": "fixed_small"}
DDPM = {**LOW_RES, "beta_schedule": "linear"}
LCM = {**SCHEDULER, "_class_name": "LCMScheduler", "original_inference_steps": 50, "timestep_scaling": 10.0}

SCHEDULERS = {"sdxl": EULER, "refiner": EULER, "sd2": V_PREDICTION, "depth": DDIM, "lcm": LCM, "upscale": V_PREDICTION,
              "pix2pix": EULER, "ddpm": DDPM}

TWO_LEVELS = dict(sample_size=8, block_out_channels=[8, 16], layers_per_block=1, norm_num_groups=4)
SDXL_ADDED = dict(addition_embed_type="text_time", addition_time_embed_dim=6, use_linear_projection=True)
UNETS = {
    "sdxl": dict(blocks(PLAIN, CROSS), **TWO_LEVELS, **SDXL_ADDED, cross_attention_dim=16 + 20, attention_head_dim=[2, 4],
                 transformer_layers_per_block=[1, 2], projection_class_embeddings_input_dim=12 + 6 * 6),
    "refiner": dict(blocks(CROSS, PLAIN), **TWO_LEVELS, **SDXL_ADDED, cross_attention_dim=20, attention_head_dim=[2, 4],
                    projection_class_embeddings_input_dim=12 + 5 * 6, requires_aesthetics=True),
    "sd2": dict(blocks(CROSS, PLAIN), **TWO_LEVELS, cross_attention_dim=20, attention_head_dim=[2, 4],
                use_linear_projection=True, upcast_attention=True),
    "depth": dict(blocks(CROSS, PLAIN), **TWO_LEVELS, in_channels=5, cross_attention_dim=20, attention_head_dim=[2, 4],
                  use_linear_projection=True),
    "pix2pix": dict(blocks(CROSS, PLAIN), **TWO_LEVELS, in_channels=8, cross_attention_dim=24, attention_head_dim=4),
    "lcm": dict(blocks(CROSS, PLAIN), **TWO_LEVELS, cross_attention_dim=24, attention_head_dim=4, time_cond_proj_dim=16),
    "upscale": dict(blocks(PLAIN, CROSS), **TWO_LEVELS, in_channels=7, cross_attention_dim=20, attention_head_dim=4,
                    num_class_embeds=60, use_linear_projection=True),
    "ddpm": dict(down_block_types=["DownBlock2D", "AttnDownBlock2D"], up_block_types=["AttnUpBlock2D", "UpBlock2D"], **TWO_LEVELS,
                 in_channels=3, out_channels=3, attention_head_dim=None, downsample_padding=0, freq_shift=1,
                 flip_sin_to_cos=False),
}
TEXTS = {
    "sdxl": (False, dict(hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, hidden_act="quick_gelu",
                         projection_dim=16)),
    "sdxl_2": (True, dict(hidden_size=20, intermediate_size=40, num_hidden_layers=3, num_attention_heads=2, hidden_act="gelu",
                          projection_dim=12)),
    "sd2": (False, dict(hidden_size=20, intermediate_size=40, num_hidden_layers=3, num_attention_heads=2, hidden_act="gelu",
                        projection_dim=12)),
}
VAES = {
    # SDXL's scaling factor.
    "sdxl": dict(model_goldens.levels(4), block_out_channels=[8, 8, 12, 12], layers_per_block=1, norm_num_groups=4,
                 sample_size=64, scaling_factor=0.13025, force_upcast=True),
    # Pixels of a latent: four.
    "upscale": dict(model_goldens.levels(3), block_out_channels=[8, 8, 12], layers_per_block=1, norm_num_groups=4,
                    sample_size=64, scaling_factor=0.08333),
}
PROMPT, NEGATIVE = "a red circle left of a blue square", "blurry, low quality"


def make_tokenizer(folder, pad):
    tokenizer_goldens.write_vocabulary(folder)
    given = {"model_max_length": 77, "tokenizer_class": "CLIPTokenizer"}
    if pad:
        given["pad_token"] = pad
    write_json(folder / "tokenizer_config.json", given)
    return CLIPTokenizer.from_pretrained(folder)


def make_text(folder, name):
    projection, config = TEXTS[name]
    vocabulary, _ = tokenizer_goldens.write_vocabulary(folder / "vocabulary")
    shutil.rmtree(folder / "vocabulary")
    config = dict(vocab_size=len(vocabulary), max_position_embeddings=77, eos_token_id=2, bos_token_id=0, pad_token_id=1, **config)
    ids = models.clip_inputs(config, 5, 2, 77)
    text = models.attempts(lambda tag: models.build_clip(tag, config, torch.float16, ids, projection), f"families.{name}.text")
    text.config.architectures = [type(text).__name__]
    write_json(folder / "config.json", {**text.config.to_diff_dict(), "model_type": "clip_text_model", **config})
    model_goldens.write_weights(text, folder / "model.safetensors.zst", "f16", model_goldens.rename_text("text_model."))
    return text


def make_unet(folder, name):
    config = {"in_channels": 4, "out_channels": 4, **UNETS[name]}
    inputs = models.unet_inputs(config, 13, 2, 8, 8, 77 if "cross_attention_dim" in config else 0, 501.0)
    unet = models.attempts(lambda tag: models.build_unet(tag, config, torch.bfloat16, inputs), f"families.{name}.unet")
    print(f"  {name}: {unet.figures}", flush=True)
    run_goldens.write_part(unet, folder, "bf16")
    return unet


def make_vae(folder, name):
    config = {"latent_channels": 4, **VAES[name]}
    side = 64 // 2 ** (len(config["block_out_channels"]) - 1)
    image = models.smooth_picture(11, 1, 64, 64)
    latent = torch.randn(1, 4, side, side, generator=generator(12))
    vae = models.attempts(lambda tag: models.build_vae(tag, config, torch.bfloat16, image, latent), f"families.{name}.vae")
    run_goldens.write_part(vae, folder, "bf16")
    return vae


def make_models():
    """All parts by name, in memory and below FOLDER, as README.md there says."""
    parts = {"tokenizer": make_tokenizer(FOLDER / "sdxl" / "tokenizer", None),
             "tokenizer_2": make_tokenizer(FOLDER / "sdxl" / "tokenizer_2", "!")}
    parts["text"] = make_text(FOLDER / "sdxl" / "text_encoder", "sdxl")
    parts["text_2"] = make_text(FOLDER / "sdxl" / "text_encoder_2", "sdxl_2")
    parts["text_sd2"] = make_text(FOLDER / "sd2" / "text_encoder", "sd2")
    for name in UNETS:
        parts[f"unet_{name}"] = make_unet(FOLDER / name / "unet", name)
    for name in VAES:
        parts[f"vae_{name}"] = make_vae(FOLDER / name / "vae", name)
    for name, config in SCHEDULERS.items():
        write_json(FOLDER / name / "scheduler" / "scheduler_config.json", config)
    write_json(FOLDER / "upscale" / "low_res_scheduler" / "scheduler_config.json", LOW_RES)
    return parts


def read_models():
    """The same from what is written below FOLDER."""
    parts = {name: CLIPTokenizer.from_pretrained(FOLDER / "sdxl" / name) for name in ("tokenizer", "tokenizer_2")}
    parts["text"] = read_part(transformers.CLIPTextModel, FOLDER / "sdxl" / "text_encoder", "model")
    parts["text_2"] = read_part(transformers.CLIPTextModelWithProjection, FOLDER / "sdxl" / "text_encoder_2", "model")
    parts["text_sd2"] = read_part(transformers.CLIPTextModel, FOLDER / "sd2" / "text_encoder", "model")
    for name in UNETS:
        kind = diffusers.UNet2DConditionModel if "cross_attention_dim" in UNETS[name] else diffusers.UNet2DModel
        parts[f"unet_{name}"] = read_part(kind, FOLDER / name / "unet", "diffusion_pytorch_model")
    for name in VAES:
        parts[f"vae_{name}"] = read_part(diffusers.AutoencoderKL, FOLDER / name / "vae", "diffusion_pytorch_model")
    return parts


def read_part(kind, folder, stem):
    """A part whose weights are compressed, which the libraries do not read, in float32."""
    with tempfile.TemporaryDirectory() as place:
        shutil.copy(folder / "config.json", place)
        packed = (folder / f"{stem}.safetensors.zst").read_bytes()
        with open(f"{place}/{stem}.safetensors", "wb") as file:
            file.write(zstandard.ZstdDecompressor().decompress(packed, max_output_size=1 << 28))
        return kind.from_pretrained(place).float().eval()


def add_sd1(parts):
    """The parts of the golden runs' own SD 1.x model serve those of its family."""
    root = GOLDENS / "runs" / "model"
    parts["text_sd1"] = read_part(transformers.CLIPTextModel, root / "text_encoder", "model")
    parts["vae_sd1"] = read_part(diffusers.AutoencoderKL, root / "vae", "diffusion_pytorch_model")
    return parts


# ---- the cases -----------------------------------------------------------------------------------

# graph: of graphs/; params: of the graph; set: inputs of its nodes; model: where each of its LoadModel finds its parts.
def case(name, graph, seed, models, params, set=None):
    return {"name": name, "graph": graph, "models": models, "params": {"seed": seed, **params}, "set": set or {}}


SIZE = {"width": 64, "height": 48}
CASES = [
    case("sdxl", "txt2img_sdxl", 1, {"model": "sdxl"}, {"prompt": PROMPT, "steps": 8, **SIZE}),
    case("sdxl_two_prompts", "txt2img_sdxl", 2, {"model": "sdxl"},
         {"prompt": PROMPT, "prompt_2": "a painting", "negative_prompt": NEGATIVE, "steps": 6, **SIZE},
         {"positive.original_width": 200, "positive.original_height": 100, "positive.crop_top": 8, "positive.crop_left": 16,
          "positive.target_width": 128, "positive.target_height": 96}),
    case("sdxl_refiner", "txt2img_sdxl_refiner", 3, {"model": "sdxl", "refiner": "refiner"},
         {"prompt": PROMPT, "steps": 10, "handover": 0.6, **SIZE}),
    case("sdxl_img2img", "img2img_sdxl", 4, {"model": "sdxl"}, {"prompt": PROMPT, "steps": 10, "strength": 0.6, "picture": "input.png"}),
    case("sdxl_inpaint", "inpaint_sdxl", 5, {"model": "sdxl"},
         {"prompt": PROMPT, "steps": 10, "picture": "input.png", "mask": "mask.png"}),
    case("sd2", "txt2img", 6, {"model": "sd2"}, {"prompt": PROMPT, "steps": 8},
         {"noise.width": 64, "noise.height": 64}),
    case("lcm", "txt2img_lcm", 7, {"model": "lcm"}, {"prompt": PROMPT, "steps": 4, "guidance_scale": 4.0, **SIZE}),
    case("depth2img", "depth2img", 8, {"model": "depth"},
         {"prompt": PROMPT, "negative_prompt": NEGATIVE, "steps": 10, "strength": 0.7, "picture": "input.png", "depth": "depth.png"}),
    case("upscale", "upscale_x4", 9, {"model": "upscale"},
         {"prompt": PROMPT, "steps": 8, "noise_level": 40, "guidance_scale": 5.0, "picture": "small.png"}),
    case("pix2pix", "pix2pix", 10, {"model": "pix2pix"},
         {"prompt": PROMPT, "negative_prompt": NEGATIVE, "steps": 8, "guidance_scale": 5.0, "image_guidance_scale": 1.5,
          "picture": "input.png"}),
    case("ddpm", "ddpm", 11, {"model": "ddpm"}, {"steps": 20, "width": 32, "height": 24}),
]


def draw(spec, parts):
    """The picture [h, w, 3] in 0..1 that diffusers makes of a case."""
    asked = spec["params"]
    graph = spec["graph"]
    if graph == "ddpm":
        return draw_pixels(spec, parts)
    given = dict(prompt=asked["prompt"], num_inference_steps=asked["steps"], generator=generator(asked["seed"]), output_type="latent")
    negative = asked.get("negative_prompt")
    both = dict(tokenizer=parts["tokenizer"], tokenizer_2=parts["tokenizer_2"], text_encoder=parts["text"],
                text_encoder_2=parts["text_2"], vae=parts["vae_sdxl"], unet=parts["unet_sdxl"],
                scheduler=diffusers.EulerDiscreteScheduler.from_config(EULER))
    xl = dict(guidance_scale=5.0, negative_prompt=negative)
    opened = {name: Image.open(FOLDER / asked[name]) for name in ("picture", "mask", "depth") if name in asked}
    size = {key: asked[key] for key in ("width", "height") if key in asked}
    vae = parts["vae_sdxl"]
    if graph == "txt2img_sdxl":
        changed = {key.removeprefix("positive."): value for key, value in spec["set"].items()}
        sizes = dict(original_size=(changed["original_height"], changed["original_width"]),
                     crops_coords_top_left=(changed["crop_top"], changed["crop_left"]),
                     target_size=(changed["target_height"], changed["target_width"]),
                     negative_original_size=(48, 64), negative_crops_coords_top_left=(0, 0), negative_target_size=(48, 64)) if changed else {}
        latent = quiet(diffusers.StableDiffusionXLPipeline(**both, add_watermarker=False))(
            **given, **xl, **size, **sizes, prompt_2=asked.get("prompt_2")).images
    elif graph == "txt2img_sdxl_refiner":
        latent = quiet(diffusers.StableDiffusionXLPipeline(**both, add_watermarker=False))(
            **given, **xl, **size, denoising_end=asked["handover"]).images
        refiner = {**both, "tokenizer": None, "text_encoder": None, "unet": parts["unet_refiner"],
                   "scheduler": diffusers.EulerDiscreteScheduler.from_config(EULER)}
        # The refiner's own pipeline encodes an empty negative prompt.
        latent = quiet(diffusers.StableDiffusionXLImg2ImgPipeline(
            **refiner, requires_aesthetics_score=True, force_zeros_for_empty_prompt=False, add_watermarker=False))(
            **given, **xl, image=latent, denoising_start=asked["handover"]).images
    elif graph == "img2img_sdxl":
        latent = quiet(diffusers.StableDiffusionXLImg2ImgPipeline(**both, add_watermarker=False))(
            **given, **xl, image=opened["picture"], strength=asked["strength"]).images
    elif graph == "inpaint_sdxl":
        latent = quiet(diffusers.StableDiffusionXLInpaintPipeline(**both, add_watermarker=False))(
            **given, **xl, image=opened["picture"], mask_image=opened["mask"], width=64, height=64, strength=1.0).images
    else:
        latent, vae = draw_older(spec, parts, given, negative, opened, size)
    decoded = vae.decode(latent / vae.config.scaling_factor).sample[0]
    return (decoded / 2 + 0.5).clamp(0, 1).permute(1, 2, 0).numpy()


def draw_pixels(spec, parts):
    """DDPMPipeline's loop, for a size of our own: the pipeline takes the network's."""
    asked, scheduler = spec["params"], diffusers.DDPMScheduler.from_config(DDPM)
    source = generator(asked["seed"])
    picture = torch.randn(1, 3, asked["height"], asked["width"], generator=source)
    scheduler.set_timesteps(asked["steps"])
    for timestep in scheduler.timesteps:
        noise = parts["unet_ddpm"](picture, timestep).sample
        picture = scheduler.step(noise, timestep, picture, generator=source).prev_sample
    return (picture[0] / 2 + 0.5).clamp(0, 1).permute(1, 2, 0).numpy()


def draw_older(spec, parts, given, negative, opened, size):
    """The latent and its VAE, of a case with one text encoder."""
    asked, graph = spec["params"], spec["graph"]
    sd1 = dict(tokenizer=parts["tokenizer"], text_encoder=parts["text_sd1"], vae=parts["vae_sd1"])
    sd2 = dict(tokenizer=parts["tokenizer_2"], text_encoder=parts["text_sd2"], vae=parts["vae_sdxl"])
    plain_safety = dict(safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    guided = dict(guidance_scale=asked.get("guidance_scale", 7.5), negative_prompt=negative)
    if graph == "txt2img":
        # graphs/txt2img.json has this scheduler.
        scheduler = diffusers.EulerAncestralDiscreteScheduler.from_config(V_PREDICTION)
        pipeline = diffusers.StableDiffusionPipeline(**sd2, unet=parts["unet_sd2"], scheduler=scheduler, **plain_safety)
        return quiet(pipeline)(**given, **guided, width=64, height=64).images, parts["vae_sdxl"]
    if graph == "txt2img_lcm":
        pipeline = diffusers.LatentConsistencyModelPipeline(
            **sd1, unet=parts["unet_lcm"], scheduler=diffusers.LCMScheduler.from_config(LCM), **plain_safety)
        return quiet(pipeline)(**given, **size, guidance_scale=asked["guidance_scale"]).images, parts["vae_sd1"]
    if graph == "depth2img":
        pipeline = diffusers.StableDiffusionDepth2ImgPipeline(
            **sd2, unet=parts["unet_depth"], scheduler=diffusers.DDIMScheduler.from_config(DDIM), depth_estimator=None,
            feature_extractor=None)
        depth = torch.from_numpy(run_goldens.numpy.array(opened["depth"], dtype="float32"))[None] / 255
        return quiet(pipeline)(**given, **guided, image=opened["picture"], depth_map=depth,
                               strength=asked["strength"]).images, parts["vae_sdxl"]
    if graph == "upscale_x4":
        pipeline = diffusers.StableDiffusionUpscalePipeline(
            tokenizer=parts["tokenizer_2"], text_encoder=parts["text_sd2"], vae=parts["vae_upscale"], unet=parts["unet_upscale"],
            low_res_scheduler=diffusers.DDPMScheduler.from_config(LOW_RES),
            scheduler=diffusers.DDIMScheduler.from_config(V_PREDICTION), max_noise_level=50)
        return quiet(pipeline)(**given, **guided, image=opened["picture"], noise_level=asked["noise_level"]).images, parts["vae_upscale"]
    pipeline = diffusers.StableDiffusionInstructPix2PixPipeline(
        **sd1, unet=parts["unet_pix2pix"], scheduler=diffusers.EulerDiscreteScheduler.from_config(EULER), **plain_safety)
    return quiet(pipeline)(**given, **guided, image=opened["picture"],
                           image_guidance_scale=asked["image_guidance_scale"]).images, parts["vae_sd1"]


# What a model of FOLDER has from another: part → where it lies, from tests/goldens on.
SD1 = {part: f"runs/model/{part}" for part in ("tokenizer", "text_encoder", "vae")}
SD2 = {"tokenizer": "families/sdxl/tokenizer_2", "text_encoder": "families/sd2/text_encoder", "vae": "families/sdxl/vae"}
SHARED = {
    "refiner": {part: f"families/sdxl/{part}" for part in ("tokenizer_2", "text_encoder_2")},
    "sd2": {part: SD2[part] for part in ("tokenizer", "vae")},
    "depth": SD2,
    "upscale": {part: SD2[part] for part in ("tokenizer", "text_encoder")},
    "lcm": SD1,
    "pix2pix": SD1,
}


def quiet(pipeline):
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def write_pictures():
    run_goldens.write_pictures(FOLDER, 21)
    Image.open(FOLDER / "input.png").resize((16, 16), Image.BICUBIC).save(FOLDER / "small.png", optimize=True)
    depth = models.smooth_picture(31, 1, 48, 48)[0, 0] / 2 + 0.5
    Image.fromarray((depth * 255).round().to(torch.uint8).numpy()).save(FOLDER / "depth.png", optimize=True)


def disturbed(parts):
    """The same parts, the UNets' weights off by about one in a million."""
    shaken, source = dict(parts), generator(3)
    for name in [name for name in parts if name.startswith("unet_")]:
        shaken[name] = copy.deepcopy(parts[name])
        for parameter in shaken[name].parameters():
            parameter.data *= 1 + 1e-6 * torch.randn(parameter.shape, generator=source)
    return shaken


def make(only=None):
    """All families; or with `cases` the pictures alone, of the models that are there; or `ddpm`."""
    warnings.filterwarnings("ignore")
    if only == "ddpm":
        shutil.rmtree(FOLDER / only, ignore_errors=True)
        write_json(FOLDER / only / "scheduler" / "scheduler_config.json", SCHEDULERS[only])
        parts = {"unet_ddpm": make_unet(FOLDER / only / "unet", only)}
    else:
        if not only:
            for path in FOLDER.iterdir():
                if path.name != "README.md":
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        parts = add_sd1(read_models() if only else make_models())
        write_pictures()
    check_cases([spec for spec in CASES if only in (None, "cases", spec["name"])], parts)
    rows = [{**spec, "picture": f"{spec['name']}.png"} for spec in CASES]
    write_rows(FOLDER / "cases.json", {"shared": SHARED}, "cases", rows)
    return f"{len(rows)} pictures"


def check_cases(cases, parts):
    """Draws them and refuses pictures that would prove nothing."""
    shaken = disturbed(parts)
    for spec in cases:
        picture = draw(spec, parts)
        moved = 255 * abs(picture - draw(spec, shaken)).max()
        clipped = ((picture <= 0) | (picture >= 1)).mean()
        other = {**spec["params"], **({"prompt": "a the circle"} if "prompt" in spec["params"] else {"seed": 99})}
        told = 255 * abs(picture - draw({**spec, "params": other}, parts)).max()
        print(f"  {spec['name']}: spread {255 * picture.std():.0f}/255, {100 * clipped:.0f}% clipped, weights off by 1e-6 move it "
              f"{moved:.3f}/255, another prompt or seed {told:.1f}/255", flush=True)
        assert moved < 0.7 and 255 * picture.std() > 15 and clipped < 0.3 and told > 4, spec["name"]
        run_goldens.to_png(picture, FOLDER / f"{spec['name']}.png")
