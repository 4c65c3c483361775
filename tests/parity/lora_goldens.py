"""Adapters for golden models, in each dialect, and what PEFT and diffusers make of the models with them.

tests/goldens/lora/: one file or folder for each case; `expected.safetensors` holds the outputs.
"""

import io
import json
import shutil
import tempfile
import pathlib

import torch
import zstandard
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoHaConfig, LoKrConfig, LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict
from safetensors import safe_open
from safetensors.torch import load, load_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from golden_files import GOLDENS, write_safetensors

FOLDER = GOLDENS / "lora"
MODELS = GOLDENS / "models"
LINEAR = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in"]
CONV = ["conv1", "conv2", "conv", "conv_in", "time_emb_proj", "conv_shortcut"]


def read_weights(folder):
    path, = [p for p in folder.iterdir() if ".safetensors" in p.name]
    data = path.read_bytes()
    if path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
    return {name: tensor.float() for name, tensor in load(data).items()}


def new_unet():
    config = json.loads((MODELS / "unet_sd1/unet/config.json").read_text())
    unet = UNet2DConditionModel(**{k: v for k, v in config.items() if not k.startswith("_")})
    unet.load_state_dict(read_weights(MODELS / "unet_sd1/unet"))
    return unet.eval()


def new_text(name, kind):
    folder = MODELS / name / "text_encoder"
    model = kind(CLIPTextConfig.from_json_file(folder / "config.json"))
    weights = {k.removeprefix("text_model."): v for k, v in read_weights(folder).items() if "position_ids" not in k}
    own = {k.removeprefix("text_model."): k for k in model.state_dict()}
    model.load_state_dict({own[k]: v for k, v in weights.items()})
    return model.eval()


def run_unet(unet):
    io_ = load_file(MODELS / "unet_sd1/io.safetensors")
    return unet(io_["sample.0"], io_["timestep.0"][0], io_["encoder_hidden_states.0"], return_dict=False)[0]


def run_text(model, name):
    out = model(load_file(MODELS / name / "io.safetensors")["input_ids"])
    return out.text_embeds if hasattr(out, "text_embeds") else out.last_hidden_state


def randomise(model, seed, words=("lora_", "hada_", "lokr_"), size=0.12):
    """Adapters begin as zeros, where nothing would show."""
    draw = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if any(word in name for word in words):
            if "magnitude" in name:
                parameter.data *= 1 + 0.3 * torch.rand(parameter.shape, generator=draw)
            else:
                parameter.data = torch.randn(parameter.shape, generator=draw) * size
            # Files hold f16 and so are small; the models compute with just these numbers.
            parameter.data = parameter.data.half().float()


def write_half(file, tensors):
    write_safetensors(FOLDER / file, {name: tensor.half() for name, tensor in tensors.items()})


def differs(adapted, plain, what):
    cosine = torch.nn.functional.cosine_similarity(adapted.flatten(), plain.flatten(), 0).item()
    assert cosine < 0.995, f"{what} hardly shows: cosine {cosine}"
    return adapted


def save_peft(model, name):
    with tempfile.TemporaryDirectory() as scratch:
        model.save_pretrained(scratch)
        (FOLDER / name).mkdir(parents=True)
        shutil.copy(pathlib.Path(scratch) / "adapter_config.json", FOLDER / name)
        in_half(pathlib.Path(scratch) / "adapter_model.safetensors", FOLDER / name / "adapter_model.safetensors")


def in_half(path, target):
    """A file that a library wrote, with its names and metadata, in f16."""
    with safe_open(path, "pt") as file:
        write_safetensors(target, {key: file.get_tensor(key).half() for key in file.keys()}, file.metadata())


def peft_tensors(name):
    return {k.removeprefix("base_model.model."): v
            for k, v in load_file(FOLDER / name / "adapter_model.safetensors").items()}


def kohya(module, prefix="lora_unet_"):
    return prefix + module.replace(".", "_")


def original_name(module):
    """ldm's name of a module of unet_sd1, which has one resnet a level."""
    resnet = {"conv1": "in_layers.2", "conv2": "out_layers.3", "time_emb_proj": "emb_layers.1",
              "conv_shortcut": "skip_connection"}
    parts = module.split(".")
    if parts[0] == "conv_in":
        return "input_blocks.0.0"
    level, rest = (int(parts[1]), parts[2:]) if parts[0] != "mid_block" else (0, parts[1:])
    index, inner = int(rest[1]), ".".join(rest[2:])
    inner = resnet[inner] if rest[0] == "resnets" else inner
    if parts[0] == "mid_block":
        return f"middle_block.{1 if rest[0] == 'attentions' else 2 * index}.{inner}"
    if rest[0] == "downsamplers":
        return f"input_blocks.{2 * level + 2}.0.op"
    if rest[0] == "upsamplers":
        return f"output_blocks.{2 * level + 1}.{1 if level == 0 else 2}.conv"
    block = f"input_blocks.{2 * level + 1}" if parts[0] == "down_blocks" else f"output_blocks.{2 * level + index}"
    return f"{block}.{1 if rest[0] == 'attentions' else 0}.{inner}"


def module_of(name):
    for end in (".lora_A.weight", ".lora_B.weight", ".lora_magnitude_vector"):
        if name.endswith(end):
            return name.removesuffix(end), end
    module, _, factor = name.rpartition(".")
    return module, "." + factor


def make():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    plain = run_unet(new_unet())
    expected = {}

    # PEFT, linear and convolution, with patterns and rank-stabilised scales.
    config = LoraConfig(r=2, lora_alpha=3, target_modules=LINEAR + CONV, rank_pattern={"attn1.to_q": 3},
                        alpha_pattern={"attn2.to_k": 5}, use_rslora=True, lora_bias=False)
    model = get_peft_model(new_unet(), config).eval()
    randomise(model, 1)
    save_peft(model, "peft")
    expected["peft"] = differs(run_unet(model), plain, "peft")

    for name, seed, config in [
            ("peft_dora", 2, LoraConfig(r=2, lora_alpha=2, target_modules=LINEAR + CONV, use_dora=True)),
            ("peft_loha", 3, LoHaConfig(r=2, alpha=3, target_modules=LINEAR + CONV, use_effective_conv2d=True)),
            ("peft_lokr", 4, LoKrConfig(r=1, alpha=1, target_modules=LINEAR + CONV, decompose_both=True,
                                        decompose_factor=4, use_effective_conv2d=True))]:
        model = get_peft_model(new_unet(), config).eval()
        randomise(model, seed, size=0.12 if "dora" in name else 0.3)
        save_peft(model, name)
        expected[name] = differs(run_unet(model), plain, name)

    # kohya: the same numbers under its names, with the scale said by alphas.
    for name, rename in [("kohya", lambda m: kohya(m)), ("kohya_original", lambda m: kohya(original_name(m)))]:
        model = get_peft_model(new_unet(), LoraConfig(r=2, lora_alpha=1, target_modules=LINEAR + CONV)).eval()
        randomise(model, 5, size=0.2)
        tensors = {}
        for key, tensor in get_peft_model_state_dict(model).items():
            module, end = module_of(key.removeprefix("base_model.model."))
            tensors[rename(module) + {".lora_A.weight": ".lora_down.weight", ".lora_B.weight": ".lora_up.weight"}[end]] = tensor
            tensors[rename(module) + ".alpha"] = torch.tensor(1.0)
        write_half(f"{name}.safetensors.zst", tensors)
        expected[name] = differs(run_unet(model), plain, name)
    for name in ("peft_loha", "peft_lokr"):
        config = json.loads((FOLDER / name / "adapter_config.json").read_text())
        tensors = {}
        for key, tensor in peft_tensors(name).items():
            module, end = module_of(key)
            tensors[kohya(module) + end] = tensor
            tensors[kohya(module) + ".alpha"] = torch.tensor(float(config["alpha"]))
        kind = name.removeprefix("peft_")
        write_half(f"kohya_{kind}.safetensors.zst", tensors)
        expected[f"kohya_{kind}"] = expected[name]
    tensors = {}
    for key, tensor in peft_tensors("peft_dora").items():
        module, end = module_of(key)
        end = {".lora_A.weight": ".lora_down.weight", ".lora_B.weight": ".lora_up.weight",
               ".lora_magnitude_vector": ".dora_scale"}[end]
        tensors[kohya(module) + end] = tensor.reshape(-1, 1) if end == ".dora_scale" else tensor
    write_half("kohya_dora.safetensors.zst", tensors)
    expected["kohya_dora"] = expected["peft_dora"]

    # LoCon with a core: lora_up · lora_mid · lora_down.
    unet, tensors, draw = new_unet(), {}, torch.Generator().manual_seed(6)
    for module, layer in unet.named_modules():
        if isinstance(layer, torch.nn.Conv2d) and layer.kernel_size == (3, 3) and layer.in_channels > 4:
            up, mid, down = ((torch.randn(shape, generator=draw) * 0.4).half().float() for shape in
                             [(layer.out_channels, 2, 1, 1), (2, 2, 3, 3), (2, layer.in_channels, 1, 1)])
            layer.weight.data += 1.5 * torch.einsum("mnkl,im,nj->ijkl", mid, up[:, :, 0, 0], down[:, :, 0, 0])
            for end, tensor in [("lora_up.weight", up), ("lora_mid.weight", mid), ("lora_down.weight", down),
                                ("alpha", torch.tensor(3.0))]:
                tensors[f"{kohya(module)}.{end}"] = tensor
    write_half("kohya_core.safetensors.zst", tensors)
    expected["kohya_core"] = differs(run_unet(unet), plain, "kohya_core")

    # Plain differences of weights, biases and norms.
    unet, tensors = new_unet(), {}
    for module in ("mid_block.resnets.0.conv1", "mid_block.resnets.0.norm1", "conv_out"):
        layer = unet.get_submodule(module)
        norm = module.endswith("norm1")
        for end, parameter in [("w_norm" if norm else "diff", layer.weight), ("b_norm" if norm else "diff_b", layer.bias)]:
            change = (torch.randn(parameter.shape, generator=draw) * 0.3).half().float()
            parameter.data += change
            tensors[f"{kohya(module)}.{end}"] = change
    write_half("kohya_diff.safetensors.zst", tensors)
    expected["kohya_diff"] = differs(run_unet(unet), plain, "kohya_diff")

    # diffusers: UNet and text encoder in one file, with its metadata; and two at once with weights.
    unet = new_unet()
    text = new_text("clip_quick_gelu", CLIPTextModel)
    text_plain = run_text(text, "clip_quick_gelu")
    unet_config = LoraConfig(r=2, lora_alpha=3, target_modules=LINEAR)
    text_config = LoraConfig(r=2, lora_alpha=1, target_modules=["q_proj", "k_proj", "v_proj", "out_proj", "fc1"])
    unet.add_adapter(unet_config, "one")
    text.add_adapter(text_config, "one")
    randomise(unet, 7, size=0.2)
    randomise(text, 8, size=0.3)
    unet_state = convert_state_dict_to_diffusers(get_peft_model_state_dict(unet, adapter_name="one"))
    text_state = convert_state_dict_to_diffusers(get_peft_model_state_dict(text, adapter_name="one"))
    with tempfile.TemporaryDirectory() as scratch:
        StableDiffusionPipeline.save_lora_weights(
            scratch, unet_lora_layers=unet_state, text_encoder_lora_layers=text_state,
            unet_lora_adapter_metadata=unet.peft_config["one"].to_dict(),
            text_encoder_lora_adapter_metadata=text.peft_config["one"].to_dict())
        in_half(pathlib.Path(scratch) / "pytorch_lora_weights.safetensors", FOLDER / "diffusers.safetensors.zst")
    expected["diffusers"] = differs(run_unet(unet), plain, "diffusers")
    expected["diffusers.clip"] = differs(run_text(text, "clip_quick_gelu"), text_plain, "diffusers.clip")
    unet.add_adapter(LoraConfig(r=2, lora_alpha=2, target_modules=LINEAR + CONV), "two")
    randomise(unet, 9, words=("two",), size=0.2)
    second = convert_state_dict_to_diffusers(get_peft_model_state_dict(unet, adapter_name="two"))
    old = {}  # as attention processors were saved, and the rest in today's names
    for key, tensor in second.items():
        for layer in ("to_q", "to_k", "to_v", "to_out.0"):
            key = key.replace(f".{layer}.lora.", f".processor.{layer.removesuffix('.0')}_lora.")
        old["unet." + key] = tensor
    write_half("diffusers_old.safetensors.zst", old)
    unet.set_adapters(["one", "two"], [0.7, -0.4])
    expected["two_at_once"] = differs(run_unet(unet), plain, "two_at_once")
    unet.set_adapters(["two"], [1.0])
    expected["diffusers_old"] = differs(run_unet(unet), plain, "diffusers_old")

    # SDXL's two text encoders in one file of kohya's.
    tensors = {}
    for prefix, name, kind, seed in [("lora_te1_text_model_", "clip_quick_gelu", CLIPTextModel, 10),
                                     ("lora_te2_text_model_", "clip_projection", CLIPTextModelWithProjection, 11)]:
        model = new_text(name, kind)
        before = run_text(model, name)
        model.add_adapter(LoraConfig(r=2, lora_alpha=2, target_modules=["q_proj", "v_proj", "out_proj", "fc1", "fc2"]))
        randomise(model, seed, size=0.3)
        for key, tensor in get_peft_model_state_dict(model).items():
            module, end = module_of(key.removeprefix("text_model."))
            tensors[kohya(module, prefix) + {".lora_A.weight": ".lora_down.weight", ".lora_B.weight": ".lora_up.weight"}[end]] = tensor
        expected[f"kohya_text.{'clip' if 'te1' in prefix else 'clip_2'}"] = differs(run_text(model, name), before, prefix)
    write_half("kohya_text.safetensors.zst", tensors)
    # Of a batch the first is kept.
    write_safetensors(FOLDER / "expected.safetensors", {name: output[:1] for name, output in expected.items()})
    size = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file())
    return f"{len(expected)} outputs, {size / 1e3:.0f} kB"
