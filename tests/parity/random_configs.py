"""Configurations of small models drawn at random, of the kinds that Stable Diffusion uses."""

CROSS = ("CrossAttnDownBlock2D", "CrossAttnUpBlock2D")
PLAIN = ("DownBlock2D", "UpBlock2D")


def clip_config(random):
    """(config, with a projection?)"""
    heads = random.choice([1, 2, 3, 4])
    width = heads * random.choice([6, 8, 10])
    vocabulary = random.randrange(120, 300)
    # 2 is what old configurations say, and means the largest id of the row.
    ends = random.choice([dict(eos_token_id=2, bos_token_id=0),
                          dict(eos_token_id=vocabulary - 1, bos_token_id=vocabulary - 2)])
    return dict(vocab_size=vocabulary, hidden_size=width, intermediate_size=random.choice([2, 3, 4]) * width,
                num_hidden_layers=random.randrange(2, 6), num_attention_heads=heads, max_position_embeddings=77,
                hidden_act=random.choice(["quick_gelu", "gelu"]), pad_token_id=1,
                projection_dim=random.choice([width, 12]), **ends), random.random() < 0.4


def unet_config(random):
    """(config, (batch, height, width, tokens))"""
    levels = random.choice([1, 2, 2, 3])
    kinds = [random.choice([CROSS, CROSS, PLAIN]) for _ in range(levels)]
    if PLAIN in kinds and CROSS not in kinds:
        kinds[0] = CROSS
    channels = [random.choice([8, 16, 24]) for _ in range(levels)]
    config = dict(
        sample_size=8, in_channels=random.choice([4, 4, 8, 9]), out_channels=4,
        down_block_types=[kind[0] for kind in kinds], up_block_types=[kind[1] for kind in reversed(kinds)],
        block_out_channels=channels, norm_num_groups=random.choice([4, 8]),
        layers_per_block=random.choice([1, 2, [random.choice([1, 2]) for _ in range(levels)]]),
        cross_attention_dim=random.choice([12, 20, 32]), attention_head_dim=random.choice([2, 4, 8]),
        use_linear_projection=random.random() < 0.5, upcast_attention=random.random() < 0.3)
    if random.random() < 0.5:
        config["attention_head_dim"] = [random.choice([1, 2, 4]) for _ in range(levels)]
    if random.random() < 0.3:
        config["transformer_layers_per_block"] = [random.choice([1, 2]) for _ in range(levels)]
    size = (random.choice([1, 2]), random.randrange(6, 18), random.randrange(6, 18), random.choice([77, 77, 154, 20]))
    return config, size


def family_unet_config(random):
    """(config, size) of the kinds that came after: SDXL's base and refiner, pruned ones, LCM, classes."""
    kind = random.choice(["sdxl", "refiner", "ssd", "lcm", "class", "class_sinusoid"])
    config, size = unet_config(random)
    levels = len(config["block_out_channels"])
    if kind in ("sdxl", "refiner", "ssd"):
        each, count = random.choice([4, 6, 8]), 5 if kind == "refiner" else 6
        config |= dict(addition_embed_type="text_time", addition_time_embed_dim=each,
                       projection_class_embeddings_input_dim=random.choice([10, 16]) + count * each,
                       requires_aesthetics=kind == "refiner", use_linear_projection=True)
    if kind == "ssd":
        resnets = config["layers_per_block"]
        resnets = resnets if isinstance(resnets, list) else [resnets] * levels
        config |= dict(
            transformer_layers_per_block=[random.choice([1, 2]) for _ in range(levels)],
            reverse_transformer_layers_per_block=[[random.choice([0, 1, 2]) for _ in range(count + 1)] for count in reversed(resnets)],
            mid_block_type=random.choice(["UNetMidBlock2D", "UNetMidBlock2DCrossAttn", None]))
    if kind == "lcm":
        config["time_cond_proj_dim"] = random.choice([8, 16])
    if kind == "class":
        config["num_class_embeds"] = random.choice([25, 40])
    if kind == "class_sinusoid":
        config["class_embed_type"] = "timestep"
    return config, size


def tiny_vae_config(random):
    """(config, (height, width) of the picture) of an AutoencoderTiny."""
    levels = random.choice([2, 3, 4])
    config = dict(
        encoder_block_out_channels=[random.choice([8, 12])] * levels, decoder_block_out_channels=[random.choice([8, 16])] * levels,
        num_encoder_blocks=[random.choice([1, 2]) for _ in range(levels)],
        num_decoder_blocks=[random.choice([1, 2]) for _ in range(levels)], latent_channels=random.choice([4, 4, 16]),
        scaling_factor=random.choice([1.0, 1.0, 0.5]), act_fn=random.choice(["relu", "relu", "silu"]))
    factor = 2 ** (levels - 1)
    return config, (factor * random.randrange(3, 6), factor * random.randrange(3, 6))


def vae_config(random):
    """(config, (height, width) of the picture)"""
    levels = random.choice([2, 3, 4])
    config = dict(
        down_block_types=["DownEncoderBlock2D"] * levels, up_block_types=["UpDecoderBlock2D"] * levels,
        block_out_channels=[random.choice([8, 12, 16]) for _ in range(levels)], norm_num_groups=4,
        layers_per_block=random.choice([1, 2]), latent_channels=random.choice([4, 4, 8]), sample_size=32,
        scaling_factor=random.choice([0.18215, 0.13025]), mid_block_add_attention=random.random() < 0.8)
    if random.random() < 0.3:
        config |= dict(use_quant_conv=False, use_post_quant_conv=False)
    if random.random() < 0.2:
        config |= dict(latents_mean=[random.uniform(-2, 2) for _ in range(config["latent_channels"])],
                       latents_std=[random.uniform(1, 8) for _ in range(config["latent_channels"])])
    factor = 2 ** (levels - 1)
    return config, (factor * random.randrange(3, 6), factor * random.randrange(3, 6))


SCHEDULERS = ["DDPMScheduler", "DDIMScheduler", "PNDMScheduler", "LMSDiscreteScheduler", "EulerDiscreteScheduler",
              "EulerAncestralDiscreteScheduler", "HeunDiscreteScheduler", "DPMSolverMultistepScheduler",
              "DPMSolverSinglestepScheduler", "UniPCMultistepScheduler", "LCMScheduler"]


def scheduler_options(random, name):
    """Options over SD 1.5's configuration that diffusers' class of that name takes."""
    options = {}
    if name not in ("LCMScheduler", "DPMSolverSinglestepScheduler"):
        options["timestep_spacing"] = random.choice(["linspace", "leading", "trailing"])
    if random.random() < 0.3:
        options["prediction_type"] = "v_prediction"
    karras = ["LMSDiscreteScheduler", "EulerDiscreteScheduler", "HeunDiscreteScheduler", "DPMSolverMultistepScheduler",
              "DPMSolverSinglestepScheduler", "UniPCMultistepScheduler"]
    if name in karras and random.random() < 0.4:
        options["use_karras_sigmas"] = True
    if name == "DPMSolverMultistepScheduler":
        options["algorithm_type"] = random.choice(["dpmsolver++", "sde-dpmsolver++"])
        options["solver_order"] = random.choice([1, 2, 3])
    if name == "DPMSolverSinglestepScheduler":
        options["lower_order_final"] = True
    if name == "UniPCMultistepScheduler":
        options["solver_order"] = random.choice([1, 2, 3])
    return options
