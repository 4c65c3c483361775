"""Tiny text encoders, UNets and VAEs in diffusers' folder layout, with inputs and outputs.

What lies where is described in tests/goldens/models/README.md.
"""

import copy
import json
import shutil

import torch

import random_models as models
from golden_files import GOLDENS, generator, write_json, write_safetensors

TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def write_weights(model, path, dtype, rename=None, more=None):
    """`path` may end in .zst; `rename` maps a parameter's name to the one in the file."""
    tensors = {(rename(name) if rename else name): tensor.to(TYPES[dtype]) for name, tensor in model.state_dict().items()
               if "position_ids" not in name}
    write_safetensors(path, {**tensors, **(more or {})}, metadata={"format": "pt"})


def fresh_folder(name):
    folder = GOLDENS / "models" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


# ---- text encoders -------------------------------------------------------------------------------

# prefix: how the names in the file begin; transformers 4 and before wrote `text_model.`.
CLIPS = {
    "clip_quick_gelu": dict(
        dtype="f16", file="model.safetensors", prefix="text_model.", position_ids=True, projection=False,
        config=dict(vocab_size=240, hidden_size=32, intermediate_size=128, num_hidden_layers=4, num_attention_heads=4,
                    max_position_embeddings=77, hidden_act="quick_gelu", eos_token_id=2, bos_token_id=0, pad_token_id=1,
                    projection_dim=32)),
    "clip_gelu": dict(
        dtype="bf16", file="model.safetensors", prefix="text_model.", position_ids=False, projection=False,
        config=dict(vocab_size=260, hidden_size=40, intermediate_size=96, num_hidden_layers=3, num_attention_heads=5,
                    max_position_embeddings=77, hidden_act="gelu", eos_token_id=259, bos_token_id=258, pad_token_id=1,
                    projection_dim=24)),
    "clip_without_prefix": dict(
        dtype="f16", file="model.safetensors.zst", prefix="", position_ids=False, projection=False,
        config=dict(vocab_size=280, hidden_size=24, intermediate_size=64, num_hidden_layers=5, num_attention_heads=2,
                    max_position_embeddings=77, hidden_act="gelu", eos_token_id=2, bos_token_id=0, pad_token_id=1,
                    projection_dim=24)),
    "clip_projection": dict(
        dtype="bf16", file="model.safetensors.zst", prefix="text_model.", position_ids=False, projection=True,
        config=dict(vocab_size=230, hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=2,
                    max_position_embeddings=77, hidden_act="gelu", eos_token_id=229, bos_token_id=228, pad_token_id=1,
                    projection_dim=20)),
    "clip_projection_without_prefix": dict(
        dtype="f16", file="model.safetensors", prefix="", position_ids=False, projection=True,
        config=dict(vocab_size=310, hidden_size=16, intermediate_size=48, num_hidden_layers=4, num_attention_heads=1,
                    max_position_embeddings=77, hidden_act="quick_gelu", eos_token_id=2, bos_token_id=0, pad_token_id=1,
                    projection_dim=16)),
    "clip_short_wide": dict(
        dtype="f32", file="model.fp16.safetensors", prefix="text_model.", position_ids=False, projection=False,
        config=dict(vocab_size=200, hidden_size=36, intermediate_size=100, num_hidden_layers=2, num_attention_heads=12,
                    max_position_embeddings=32, hidden_act="quick_gelu", eos_token_id=199, bos_token_id=198, pad_token_id=0,
                    projection_dim=36, layer_norm_eps=1e-4)),
}


def rename_text(prefix):
    """The names of transformers 4 or 5; the projection never has the prefix."""
    def rename(name):
        bare = name.removeprefix("text_model.")
        return bare if bare.startswith("text_projection") else prefix + bare
    return rename


def make_clip(only=None):
    for name, spec in CLIPS.items():
        if only not in (None, name):
            continue
        folder = fresh_folder(name)
        config = spec["config"]
        tokens = config["max_position_embeddings"]
        ids = models.clip_inputs(config, models.seed_of(name), 2, tokens)
        model = models.build_clip(name, config, TYPES[spec["dtype"]], ids, spec["projection"])
        print(f"  {name}: {model.figures}", flush=True)
        part = folder / "text_encoder"
        part.mkdir()
        model.config.architectures = [type(model).__name__]
        written = model.config.to_diff_dict() | {"model_type": "clip_text_model"}
        # Written whole, as transformers 4 did it: nothing of it is left to another version's defaults.
        write_json(part / "config.json", {**written, **config})
        more = {"text_model.embeddings.position_ids": torch.arange(tokens)[None]} if spec["position_ids"] else None
        write_weights(model, part / spec["file"], spec["dtype"], rename_text(spec["prefix"]), more)
        outputs = models.run_clip(model, ids)
        write_safetensors(folder / "io.safetensors", {"input_ids": ids, **outputs})
        write_json(folder / "io.json", {"weights": spec["dtype"], "inputs": ["input_ids"], "outputs": sorted(outputs)})
    return f"{len(CLIPS)} text encoders"


# ---- UNets ---------------------------------------------------------------------------------------

CROSS, PLAIN = ["CrossAttnDownBlock2D", "CrossAttnUpBlock2D"], ["DownBlock2D", "UpBlock2D"]


def blocks(*kinds):
    return {"down_block_types": [kind[0] for kind in kinds], "up_block_types": [kind[1] for kind in reversed(kinds)]}


# cases: (batch, height, width, tokens, timestep); the first is the one the weights are sharpened on.
UNETS = {
    "unet_sd1": dict(
        dtype="bf16", file="diffusion_pytorch_model.safetensors.zst",
        # The keys of SD 1.5's file and no newer ones.
        keys=["act_fn", "attention_head_dim", "block_out_channels", "center_input_sample", "cross_attention_dim",
              "down_block_types", "downsample_padding", "flip_sin_to_cos", "freq_shift", "in_channels", "layers_per_block",
              "mid_block_scale_factor", "norm_eps", "norm_num_groups", "out_channels", "sample_size", "up_block_types"],
        config=dict(blocks(CROSS, CROSS, CROSS, PLAIN), sample_size=16, block_out_channels=[16, 16, 16, 16],
                    layers_per_block=1, cross_attention_dim=24, attention_head_dim=8, norm_num_groups=4),
        cases=[(2, 16, 24, 77, 981.0), (1, 24, 16, 77, 1.0)]),
    "unet_sd2": dict(
        dtype="f16", file="diffusion_pytorch_model.safetensors",
        config=dict(blocks(CROSS, CROSS, PLAIN), sample_size=16, block_out_channels=[8, 16, 24], layers_per_block=1,
                    cross_attention_dim=20, attention_head_dim=[1, 2, 3], norm_num_groups=4, use_linear_projection=True,
                    dual_cross_attention=False, only_cross_attention=False, upcast_attention=True),
        cases=[(2, 16, 16, 77, 741.0), (1, 8, 12, 16, 0.0)]),
    "unet_inpaint": dict(
        dtype="f16", file="diffusion_pytorch_model.fp16.safetensors",
        config=dict(blocks(CROSS, PLAIN), sample_size=16, in_channels=9, block_out_channels=[16, 24], layers_per_block=1,
                    cross_attention_dim=16, attention_head_dim=4, norm_num_groups=8),
        cases=[(2, 16, 16, 77, 501.0), (1, 12, 20, 77, 21.0)]),
    "unet_pix2pix": dict(
        dtype="bf16", file="diffusion_pytorch_model.safetensors.zst",
        config=dict(blocks(CROSS, PLAIN), sample_size=16, in_channels=8, block_out_channels=[12, 20], layers_per_block=2,
                    cross_attention_dim=18, attention_head_dim=2, norm_num_groups=4),
        cases=[(3, 12, 12, 77, 321.0), (1, 16, 16, 40, 999.0)]),
    "unet_uneven": dict(
        # Attention first missing, then there; as many layers as each level says; odd sizes on every level.
        dtype="f16", file="diffusion_pytorch_model.safetensors.zst",
        config=dict(blocks(PLAIN, CROSS, CROSS, PLAIN), sample_size=[20, 12], block_out_channels=[8, 12, 16, 16],
                    layers_per_block=[1, 2, 1, 2], cross_attention_dim=16, attention_head_dim=[2, 3, 4, 4],
                    norm_num_groups=4),
        cases=[(2, 20, 12, 77, 881.0), (1, 13, 9, 77, 61.0), (1, 16, 24, 9, 500.25)]),
    "unet_deep": dict(
        dtype="bf16", file="diffusion_pytorch_model.safetensors.zst",
        config=dict(blocks(CROSS, CROSS), sample_size=8, block_out_channels=[12, 16], layers_per_block=1,
                    cross_attention_dim=20, attention_head_dim=[2, 4], transformer_layers_per_block=[1, 2],
                    use_linear_projection=True, norm_num_groups=4),
        cases=[(2, 8, 8, 77, 261.0), (1, 16, 8, 154, 261.0)]),
    "unet_one_level": dict(
        # One head that is as wide as the level; no way down at all.
        dtype="bf16", file="diffusion_pytorch_model.fp16.safetensors.zst",
        config=dict(blocks(CROSS), sample_size=16, block_out_channels=[24], layers_per_block=1, cross_attention_dim=32,
                    attention_head_dim=1, norm_num_groups=8),
        cases=[(2, 16, 16, 77, 401.0), (1, 7, 11, 77, 13.0)]),
    "unet_lcm": dict(
        # Embeds the guidance scale into the time; both blocks look at the text alone where the flag says so.
        dtype="f32", file="diffusion_pytorch_model.safetensors",
        config=dict(blocks(CROSS, PLAIN), sample_size=8, block_out_channels=[8, 16], layers_per_block=1,
                    cross_attention_dim=12, attention_head_dim=2, norm_num_groups=4, time_cond_proj_dim=16,
                    only_cross_attention=[True, False]),
        cases=[(2, 8, 8, 77, 759.0), (1, 12, 8, 77, 259.0)]),
    "unet_sdxl": dict(
        # The base's form: no attention on the first level, many transformer layers below, sizes and pooled text.
        dtype="bf16", file="diffusion_pytorch_model.safetensors.zst",
        config=dict(blocks(PLAIN, CROSS, CROSS), sample_size=16, block_out_channels=[8, 16, 16], layers_per_block=1,
                    cross_attention_dim=24, attention_head_dim=[1, 2, 4], transformer_layers_per_block=[1, 2, 3],
                    use_linear_projection=True, norm_num_groups=4, addition_embed_type="text_time",
                    addition_time_embed_dim=8, projection_class_embeddings_input_dim=20 + 6 * 8),
        cases=[(2, 16, 8, 77, 801.0), (1, 8, 12, 154, 21.0)]),
    "unet_refiner": dict(
        # Five ids, attention in the middle levels alone, one width of text.
        dtype="f16", file="diffusion_pytorch_model.safetensors.zst",
        config=dict(blocks(PLAIN, CROSS, PLAIN), sample_size=16, block_out_channels=[8, 12, 16],
                    layers_per_block=1, cross_attention_dim=20, attention_head_dim=[2, 3, 4],
                    transformer_layers_per_block=[1, 2, 1], use_linear_projection=True, norm_num_groups=4,
                    addition_embed_type="text_time", addition_time_embed_dim=6,
                    projection_class_embeddings_input_dim=20 + 5 * 6, requires_aesthetics=True),
        cases=[(2, 16, 8, 77, 181.0), (1, 8, 16, 77, 1.0)]),
    "unet_ssd": dict(
        # SSD-1B's pruning: other transformers on the way up than on the way down, one by one and some of no layer;
        # no middle at all, which a mid_block_type of null says.
        dtype="bf16", file="diffusion_pytorch_model.fp16.safetensors",
        config=dict(blocks(PLAIN, CROSS, CROSS), sample_size=8, block_out_channels=[8, 12, 16], layers_per_block=1,
                    cross_attention_dim=24, attention_head_dim=[1, 2, 4], transformer_layers_per_block=[0, 1, 2],
                    reverse_transformer_layers_per_block=[[2, 1], [1, 0], 0], mid_block_type=None,
                    use_linear_projection=True, norm_num_groups=4, addition_embed_type="text_time",
                    addition_time_embed_dim=8, projection_class_embeddings_input_dim=16 + 6 * 8),
        cases=[(2, 8, 8, 77, 441.0), (1, 12, 8, 77, 901.0)]),
    "unet_upscale": dict(
        # Seven channels, a class (the noise level), attention that is only to the text on the first levels.
        dtype="f16", file="diffusion_pytorch_model.safetensors.zst",
        config=dict(blocks(PLAIN, CROSS, CROSS), sample_size=16, in_channels=7, block_out_channels=[8, 16, 16],
                    layers_per_block=1, cross_attention_dim=16, attention_head_dim=4, norm_num_groups=4,
                    num_class_embeds=50, only_cross_attention=[True, True, False], use_linear_projection=True),
        cases=[(2, 16, 16, 77, 361.0), (1, 8, 12, 77, 961.0)]),
    "unet_depth": dict(
        # Five channels, and a class told as a sinusoid.
        dtype="f32", file="diffusion_pytorch_model.safetensors.zst",
        config=dict(blocks(CROSS, PLAIN), sample_size=8, in_channels=5, block_out_channels=[8, 16], layers_per_block=1,
                    cross_attention_dim=12, attention_head_dim=[1, 2], norm_num_groups=4, class_embed_type="timestep"),
        cases=[(2, 8, 8, 77, 601.0), (1, 8, 8, 77, 41.0)]),
    "unet_ddpm": dict(
        # DDPM's network: pixels, attention over them in one level and the middle, one head, no text.
        dtype="bf16", file="diffusion_pytorch_model.safetensors.zst",
        config=dict(down_block_types=["DownBlock2D", "AttnDownBlock2D"], up_block_types=["AttnUpBlock2D", "UpBlock2D"],
                    sample_size=16, in_channels=3, out_channels=3, block_out_channels=[8, 16], layers_per_block=1,
                    attention_head_dim=None, norm_num_groups=4, norm_eps=1e-6, downsample_padding=0, freq_shift=1,
                    flip_sin_to_cos=False),
        cases=[(2, 16, 16, 0, 701.0), (1, 8, 12, 0, 3.0)]),
    "unet_ddpm_classes": dict(
        # The same with classes, and heads of their own width.
        dtype="f16", file="diffusion_pytorch_model.safetensors",
        config=dict(down_block_types=["AttnDownBlock2D", "DownBlock2D"], up_block_types=["UpBlock2D", "AttnUpBlock2D"],
                    sample_size=16, in_channels=3, out_channels=3, block_out_channels=[8, 16], layers_per_block=1,
                    attention_head_dim=4, norm_num_groups=4, num_class_embeds=30),
        cases=[(2, 8, 8, 0, 601.0), (1, 12, 8, 0, 33.0)]),
    "unet_plain_middle": dict(
        # A middle of one resnet, the time embedding the other way round.
        dtype="f16", file="diffusion_pytorch_model.safetensors",
        config=dict(blocks(PLAIN, CROSS), sample_size=8, block_out_channels=[8, 16], layers_per_block=2,
                    cross_attention_dim=16, attention_head_dim=4, norm_num_groups=4, mid_block_type="UNetMidBlock2D",
                    flip_sin_to_cos=False, freq_shift=1, out_channels=4, norm_eps=1e-6),
        cases=[(2, 8, 8, 77, 641.0), (1, 8, 8, 77, 5.0)]),
}


def write_config(model, folder, keys=None):
    """As the library saves it, or cut down to `keys` as older versions of it wrote it."""
    model.save_config(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config.pop("_name_or_path", None)
    if keys:
        config = {key: value for key, value in config.items() if key in keys or key.startswith("_")}
    write_json(path, config)


def make_unet(only=None):
    for name, spec in UNETS.items():
        if only not in (None, name):
            continue
        folder = fresh_folder(name)
        config = {"in_channels": 4, "out_channels": 4, **spec["config"]}
        runs = [models.unet_inputs(config, models.seed_of(name) + k, *case) for k, case in enumerate(spec["cases"])]
        model = models.attempts(lambda tag: models.build_unet(tag, config, TYPES[spec["dtype"]], runs[0]), name)
        print(f"  {name}: {model.figures}", flush=True)
        part = folder / "unet"
        part.mkdir()
        write_config(model, part, spec.get("keys"))
        write_weights(model, part / spec["file"], spec["dtype"])
        tensors = {}
        for k, inputs in enumerate(runs):
            tensors |= {f"{key}.{k}": value for key, value in inputs.items()}
            tensors[f"noise_pred.{k}"] = models.run_unet(model, inputs)
        half = copy.deepcopy(model).to(torch.bfloat16)
        for k, inputs in enumerate(runs):
            # What bf16 costs diffusers itself: the bar of bf16 where that is more than usual.
            answer = models.run_unet(half, inputs).float().flatten()
            wanted = tensors[f"noise_pred.{k}"].float().flatten()
            tensors[f"bf16_cosine.{k}"] = torch.nn.functional.cosine_similarity(answer, wanted, dim=0)[None]
        write_safetensors(folder / "io.safetensors", tensors)
        write_json(folder / "io.json", {
            "weights": spec["dtype"],
            "cases": [{"batch": b, "height": h, "width": w, "tokens": n, "timestep": t} for b, h, w, n, t in spec["cases"]],
            "inputs": sorted(runs[0]), "outputs": ["noise_pred"]})
    return f"{len(UNETS)} UNets"


# ---- VAEs ----------------------------------------------------------------------------------------


def levels(count):
    return {"down_block_types": ["DownEncoderBlock2D"] * count, "up_block_types": ["UpDecoderBlock2D"] * count}


VAES = {
    "vae_four_levels": dict(
        dtype="f16", file="diffusion_pytorch_model.safetensors", legacy=False, size=(2, 32, 32),
        keys=["act_fn", "block_out_channels", "down_block_types", "in_channels", "latent_channels", "layers_per_block",
              "norm_num_groups", "out_channels", "sample_size", "up_block_types"],
        config=dict(levels(4), block_out_channels=[8, 8, 16, 16], layers_per_block=2, norm_num_groups=4)),
    "vae_two_levels": dict(
        dtype="bf16", file="diffusion_pytorch_model.safetensors.zst", legacy=False, size=(1, 24, 40),
        config=dict(levels(2), block_out_channels=[12, 24], layers_per_block=1, norm_num_groups=6,
                    scaling_factor=0.13025)),
    "vae_wide": dict(
        # The names of the middle's attention as files of before 2023 have them (SD 1.5's own among them).
        dtype="f16", file="diffusion_pytorch_model.fp16.safetensors", legacy=True, size=(1, 24, 24),
        config=dict(levels(2), block_out_channels=[16, 24], layers_per_block=1, norm_num_groups=8, latent_channels=8)),
    "vae_without_quant": dict(
        dtype="bf16", file="diffusion_pytorch_model.safetensors", legacy=False, size=(1, 40, 24),
        config=dict(levels(3), block_out_channels=[8, 16, 16], layers_per_block=1, norm_num_groups=4,
                    use_quant_conv=False, use_post_quant_conv=False, latent_channels=8, scaling_factor=1.5305,
                    shift_factor=0.0609)),
    "vae_without_attention": dict(
        dtype="f32", file="diffusion_pytorch_model.safetensors", legacy=False, size=(1, 16, 16),
        config=dict(levels(2), block_out_channels=[8, 16], layers_per_block=2, norm_num_groups=4,
                    mid_block_add_attention=False, scaling_factor=0.5, shift_factor=0.1)),
    "vae_means": dict(
        # Means and deviations for each channel, as some of SDXL's have them.
        dtype="f16", file="diffusion_pytorch_model.safetensors.zst", legacy=False, size=(1, 16, 24),
        config=dict(levels(2), block_out_channels=[8, 12], layers_per_block=1, norm_num_groups=4, scaling_factor=0.5,
                    latents_mean=[-1.6574, 1.886, -1.383, 2.5155], latents_std=[8.4927, 5.9022, 6.5498, 5.2299],
                    force_upcast=True)),
}

# AutoencoderTiny: smaller than TAESD, in its form.
TINY_VAES = {
    "vae_tiny": dict(
        dtype="f16", file="diffusion_pytorch_model.safetensors", size=(2, 32, 24),
        config=dict(encoder_block_out_channels=[12] * 4, decoder_block_out_channels=[16] * 4,
                    num_encoder_blocks=[1, 2, 1, 1], num_decoder_blocks=[2, 1, 2, 1])),
    "vae_tiny_two_levels": dict(
        dtype="bf16", file="diffusion_pytorch_model.safetensors.zst", size=(1, 16, 20),
        config=dict(encoder_block_out_channels=[16] * 2, decoder_block_out_channels=[8] * 2, num_encoder_blocks=[1, 1],
                    num_decoder_blocks=[1, 1], latent_channels=8, scaling_factor=0.5, act_fn="silu")),
}


def make_tiny_vae(only=None):
    for name, spec in TINY_VAES.items():
        if only not in (None, name):
            continue
        folder = fresh_folder(name)
        config = {"latent_channels": 4, **spec["config"]}
        seed = models.seed_of(name)
        batch, height, width = spec["size"]
        factor = 2 ** (len(config["num_decoder_blocks"]) - 1)
        image = models.smooth_picture(seed, batch, height, width)
        given = torch.randn((batch, config["latent_channels"], height // factor, width // factor), generator=generator(seed + 1))
        model = models.build_tiny_vae(name, config, TYPES[spec["dtype"]], image, given)
        print(f"  {name}: {model.figures}", flush=True)
        part = folder / "vae"
        part.mkdir()
        write_config(model, part)
        write_weights(model, part / spec["file"], spec["dtype"])
        scale = model.config.scaling_factor
        write_safetensors(folder / "io.safetensors", {
            "image": image, "latent_mean": model.encode(image).latents * scale,
            "latent": given * scale, "decoded": model.decode(given).sample})
        write_json(folder / "io.json", {"weights": spec["dtype"], "scaling_factor": scale, "inputs": ["image", "latent"],
                                        "outputs": ["decoded", "latent_mean"]})
    return f"{len(TINY_VAES)} tiny autoencoders"


LEGACY_ATTENTION = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def legacy_attention(name):
    for new, old in LEGACY_ATTENTION.items():
        name = name.replace(f"attentions.0.{new}.", f"attentions.0.{old}.")
    return name


def make_vae(only=None):
    for name, spec in VAES.items():
        if only not in (None, name):
            continue
        folder = fresh_folder(name)
        config = {"scaling_factor": 0.18215, "latent_channels": 4, "sample_size": 32, **spec["config"]}
        seed = models.seed_of(name)
        batch, height, width = spec["size"]
        factor = 2 ** (len(config["block_out_channels"]) - 1)
        image = models.smooth_picture(seed, batch, height, width)
        latent_shape = (batch, config["latent_channels"], height // factor, width // factor)
        given = torch.randn(latent_shape, generator=generator(seed + 1))
        model = models.build_vae(name, config, TYPES[spec["dtype"]], image, given)
        print(f"  {name}: {model.figures}", flush=True)
        part = folder / "vae"
        part.mkdir()
        write_config(model, part, spec.get("keys"))
        write_weights(model, part / spec["file"], spec["dtype"], legacy_attention if spec["legacy"] else None)
        distribution = model.encode(image).latent_dist
        scale, shift = model.config.scaling_factor, model.config.shift_factor or 0.0
        if model.config.latents_mean:  # as StableDiffusionXLImg2ImgPipeline scales by them
            shift = shift + torch.tensor(model.config.latents_mean)[:, None, None]
            scale = scale / torch.tensor(model.config.latents_std)[:, None, None]
        drawn = distribution.sample(generator(seed % 2**32))
        write_safetensors(folder / "io.safetensors", {
            "image": image, "mean": distribution.mean, "logvar": distribution.logvar,
            "latent_mean": (distribution.mean - shift) * scale, "latent_sampled": (drawn - shift) * scale,
            "latent": (given - shift) * scale, "decoded": model.decode(given).sample})
        write_json(folder / "io.json", {
            "weights": spec["dtype"], "seed": seed % 2**32, "scaling_factor": model.config.scaling_factor,
            "shift_factor": model.config.shift_factor or 0.0,
            "inputs": ["image", "latent"], "outputs": ["decoded", "latent_mean", "latent_sampled", "logvar", "mean"]})
    return f"{len(VAES)} VAEs"
