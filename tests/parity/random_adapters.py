"""Adapters drawn at random for a UNet, written by the libraries and in the dialects of the field.

Every entry of KINDS is a function of (random, unet, folder) that puts an adapter on the UNet, so that it
computes what weft must, and writes a file: (the adapted network, the file's name in the folder).
Those of LyCORIS are there only where its package is.
"""

import torch
from diffusers import StableDiffusionPipeline
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoHaConfig, LoKrConfig, LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict

import lora_goldens
from golden_files import write_safetensors

try:
    import lycoris
except ImportError:
    lycoris = None

# Names of PEFT's factors and of kohya's, which are LyCORIS's too.
KOHYA = {".lora_A.weight": ".lora_down.weight", ".lora_B.weight": ".lora_up.weight",
         ".lora_magnitude_vector": ".dora_scale"}


def targets(random):
    return random.choice([lora_goldens.LINEAR, lora_goldens.LINEAR + lora_goldens.CONV])


def with_peft(random, unet, config):
    model = get_peft_model(unet, config).eval()
    hadamard = isinstance(config, (LoHaConfig, LoKrConfig))
    lora_goldens.randomise(model, random.randrange(2**31), size=0.3 if hadamard else 0.2)
    return model


def lora_config(random, **more):
    return LoraConfig(r=random.randrange(1, 5), lora_alpha=random.choice([1, 2, 3]), target_modules=targets(random), **more)


def loha_config(random):
    return LoHaConfig(r=random.randrange(1, 5), alpha=random.choice([1, 2, 3]), target_modules=targets(random),
                      use_effective_conv2d=random.random() < 0.5)


def lokr_config(random):
    return LoKrConfig(r=random.randrange(1, 3), alpha=random.choice([1, 2, 3]), target_modules=targets(random),
                      decompose_both=random.random() < 0.5, use_effective_conv2d=random.random() < 0.5)


def peft(make):
    def build(random, unet, folder):
        model = with_peft(random, unet, make(random))
        model.save_pretrained(folder / "adapter")
        return model, "adapter"
    return build


def patterns(random):
    """Other ranks and alphas for some modules, which only adapter_config.json says."""
    return lora_config(random, rank_pattern={"to_q": 5}, alpha_pattern={"attn2.to_k": 7, "to_out.0": 2},
                       use_rslora=random.random() < 0.5)


def kohya(make, alpha):
    """The same numbers as one file of kohya's scripts, which says the scale in a tensor of each module."""
    def build(random, unet, folder):
        model = with_peft(random, unet, make(random))
        config = model.peft_config["default"]
        tensors = {}
        for key, tensor in get_peft_model_state_dict(model).items():
            module, end = lora_goldens.module_of(key.removeprefix("base_model.model."))
            module, end = lora_goldens.kohya(module), KOHYA.get(end, end)
            tensors[module + end] = tensor.reshape(-1, 1) if end == ".dora_scale" else tensor
            tensors[module + ".alpha"] = torch.tensor(float(getattr(config, alpha)))
        write_safetensors(folder / "kohya.safetensors", tensors)
        return model, "kohya.safetensors"
    return build


def of_diffusers(random, unet, folder):
    """As a trainer of diffusers saves it, with the scale in the file's metadata."""
    unet.add_adapter(lora_config(random), "default")
    lora_goldens.randomise(unet, random.randrange(2**31), size=0.2)
    StableDiffusionPipeline.save_lora_weights(
        folder, unet_lora_layers=convert_state_dict_to_diffusers(get_peft_model_state_dict(unet)),
        unet_lora_adapter_metadata=unet.peft_config["default"].to_dict())
    return unet, "pytorch_lora_weights.safetensors"


def of_lycoris(**settings):
    def build(random, unet, folder):
        lycoris.LycorisNetwork.apply_preset({"target_module": ["Attention", "FeedForward", "ResnetBlock2D"], "target_name": [],
                                             "enable_conv": True})
        more = {key: value(random) if callable(value) else value for key, value in settings.items()}
        network = lycoris.create_lycoris(unet, 1.0, linear_dim=random.randrange(1, 5), linear_alpha=random.choice([1, 2, 3]),
                                         **more)
        network.apply_to()
        draw = torch.Generator().manual_seed(random.randrange(2**31))
        for name, parameter in network.named_parameters():
            if name.endswith("dora_scale"):
                parameter.data *= 1 + 0.3 * torch.rand(parameter.shape, generator=draw)
            elif not name.endswith("alpha"):
                parameter.data = torch.randn(parameter.shape, generator=draw) * (0.2 if parameter.dim() < 4 else 0.3)
        network.save_weights(str(folder / "lycoris.safetensors"), torch.float32, {})
        network.eval()
        unet.lycoris = network  # so that what it has patched stays
        return unet, "lycoris.safetensors"
    return build


KINDS = {
    "LoRA of PEFT": peft(lora_config),
    "LoRA of PEFT with patterns": peft(patterns),
    "DoRA of PEFT": peft(lambda random: lora_config(random, use_dora=True)),
    "LoHa of PEFT": peft(loha_config),
    "LoKr of PEFT": peft(lokr_config),
    "LoRA of diffusers": of_diffusers,
    "LoRA of kohya": kohya(lora_config, "lora_alpha"),
    "DoRA of kohya": kohya(lambda random: lora_config(random, use_dora=True), "lora_alpha"),
    "LoHa of kohya": kohya(loha_config, "alpha"),
}
if lycoris:
    KINDS |= {
        "LoCon of LyCORIS": of_lycoris(algo="locon"),
        "LoCon of LyCORIS with a core": of_lycoris(algo="locon", use_tucker=True),
        "DoRA of LyCORIS": of_lycoris(algo="locon", dora_wd=True),
        "DoRA of LyCORIS by inputs": of_lycoris(algo="locon", dora_wd=True, wd_on_output=False),
        "LoHa of LyCORIS": of_lycoris(algo="loha"),
        "LoHa of LyCORIS with cores": of_lycoris(algo="loha", use_tucker=True),
        "LoHa of LyCORIS with magnitudes": of_lycoris(algo="loha", dora_wd=True),
        "LoKr of LyCORIS": of_lycoris(algo="lokr", factor=lambda random: random.choice([-1, 2, 4])),
        "LoKr of LyCORIS, both decomposed": of_lycoris(algo="lokr", decompose_both=True, factor=4),
        "LoKr of LyCORIS with a core": of_lycoris(algo="lokr", use_tucker=True, factor=2),
        "LoKr of LyCORIS, whole": of_lycoris(algo="lokr", full_matrix=True),
        "LoKr of LyCORIS with magnitudes": of_lycoris(algo="lokr", dora_wd=True),
        "differences of LyCORIS": of_lycoris(algo="full"),
        "norms of LyCORIS": of_lycoris(algo="locon", train_norm=True),
    }


def set_weight(model, weight):
    """PEFT scales the change; LyCORIS's networks have a multiplier."""
    if hasattr(model, "lycoris"):
        model.lycoris.set_multiplier(weight)
        return
    for module in model.modules():
        if isinstance(getattr(module, "scaling", None), dict):
            for name in module.scaling:
                module.scaling[name] *= weight
