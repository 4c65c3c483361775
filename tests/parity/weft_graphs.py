"""Graph files for weft, written from outside by the node table and the graph format alone."""


def graph(title, nodes):
    return {"weft": 1, "title": title, "nodes": nodes, "outputs": {}}


def node(kind, params=None, **inputs):
    made = {"type": kind}
    if inputs:
        made["inputs"] = inputs
    if params:
        made["params"] = params
    return made


def load(path, name, kind):
    return node("LoadTensor", {"path": path, "name": name, "as": kind})


def save(wire, path):
    return node("SaveTensor", {"path": path, "name": "value"}, value=wire)


def clip():
    return graph("Text encoder", {
        "model": node("LoadModel", {"path": "model"}),
        "tokens": load("inputs.safetensors", "input_ids", "tokens"),
        "last": node("ClipEncode", clip="model.clip", tokens="tokens"),
        "skipped": node("ClipEncode", {"clip_skip": 1}, clip="model.clip", tokens="tokens"),
        "save_last": save("last", "last_hidden_state.safetensors"),
        "save_skipped": save("skipped", "clip_skip_1.safetensors"),
    })


def unet(timestep, extra_channels, guidance_scale, sizes=None, label=None):
    """One call of the UNet at a whole timestep. DDIM over 1,000 steps has one step for each timestep;
    the share of the steps that img2img would leave picks it."""
    nodes = {
        "model": node("LoadModel", {"path": "model"}),
        "latent": load("inputs.safetensors", "latent", "latent"),
        "positive": load("inputs.safetensors", "positive", "conditioning"),
        "negative": load("inputs.safetensors", "negative", "conditioning"),
        "scheduler": node("DDIMScheduler", {"timestep_spacing": "leading", "steps_offset": 0, "num_train_timesteps": 1000}),
        "times": node("Timesteps", {"num_inference_steps": 1000, "strength": min(1.0, (timestep + 1.5) / 1000)}, scheduler="scheduler"),
        "guide": node("Guidance", {"guidance_scale": guidance_scale}, unet="model.unet", positive="positive",
                      negative="negative"),
        "noise": node("PredictNoise", denoiser="guide", latent="latent", step="times.first"),
        "save": save("noise", "noise.safetensors"),
    }
    if extra_channels:
        nodes["channels"] = load("inputs.safetensors", "channels", "latent")
        nodes["noise"]["inputs"]["channels"] = "channels"
    for text in ("positive", "negative") if sizes or label is not None else ():
        told = text
        if sizes:
            # What a text encoder would have said beside the hidden states.
            nodes[f"{text}_tokens"] = load("inputs.safetensors", text, "tensor")
            nodes["pooled"] = load("inputs.safetensors", "pooled", "tensor")
            nodes[text] = node("MakeConditioning", tokens=f"{text}_tokens", pooled="pooled")
            names = ["original_height", "original_width", "crop_top", "crop_left"]
            names += ["target_height", "target_width"] if len(sizes) == 6 else ["aesthetic_score"]
            given = {name: int(size) if "score" not in name else size for name, size in zip(names, sizes)}
            nodes[f"{text}_sized"] = node("SizeConditioning", {"width": 1, "height": 1, **given}, conditioning=text)
            told = f"{text}_sized"
        if label is not None:
            nodes[f"{text}_classed"] = node("ClassConditioning", {"class_label": label}, conditioning=told)
            told = f"{text}_classed"
        nodes["guide"]["inputs"][text] = told
    return graph("UNet", nodes)


def with_lora(made, path, weight, mode):
    """A graph of `unet` whose network has a LoRA on it."""
    made["nodes"]["lora"] = node("LoadLora", {"path": path, "part": "unet"})
    made["nodes"]["adapted"] = node("ApplyLora", {"weight": weight, "mode": mode}, unet="model.unet", lora="lora")
    made["nodes"]["guide"]["inputs"]["unet"] = "adapted.unet"
    return made


def vae(seed):
    return graph("VAE", {
        "model": node("LoadModel", {"path": "model"}),
        "image": load("inputs.safetensors", "image", "image"),
        "latent": load("inputs.safetensors", "latent", "latent"),
        "random": node("Generator", {"seed": seed}),
        "mean": node("VaeEncode", vae="model.vae", image="image"),
        "drawn": node("VaeEncode", vae="model.vae", image="image", generator="random"),
        "decoded": node("VaeDecode", vae="model.vae", latent="latent"),
        "save_mean": save("mean.latent", "latent_mean.safetensors"),
        "save_drawn": save("drawn.latent", "latent_sampled.safetensors"),
        "save_decoded": save("decoded", "decoded.safetensors"),
    })


def tokenizer(texts):
    nodes = {"model": node("LoadModel", {"path": "model"})}
    for k, text in enumerate(texts):
        nodes[f"tokens_{k}"] = node("Tokenize", {"text": text}, tokenizer="model.tokenizer")
        nodes[f"save_{k}"] = save(f"tokens_{k}", f"tokens_{k}.safetensors")
    return graph("Tokenizer", nodes)


def noise(seed, width, height, batch):
    return graph("Noise", {
        "model": node("LoadModel", {"path": "model"}),
        "random": node("Generator", {"seed": seed}),
        "first": node("RandomLatent", {"width": width, "height": height, "batch": batch}, vae="model.vae", generator="random"),
        "second": node("RandomLatent", {"width": width, "height": height, "batch": batch}, vae="model.vae",
                       generator="first.generator"),
        "save_first": save("first.noise", "first.safetensors"),
        "save_second": save("second.noise", "second.safetensors"),
    })


def run(spec):
    """A whole picture as the cases of run_goldens.py describe it."""
    nodes = {
        "model": node("LoadModel", {"path": "model"}),
        "positive": node("EncodePrompt", {"text": spec["prompt"]}, tokenizer="model.tokenizer", clip="model.clip"),
        "negative": node("EncodePrompt", {"text": spec["negative"]}, tokenizer="model.tokenizer", clip="model.clip"),
        "scheduler": node(spec["scheduler"], spec["options"], config="model.scheduler_config"),
        "random": node("Generator", {"seed": spec["seed"]}),
        "noise": node("RandomLatent", {"width": spec["width"], "height": spec["height"]}, vae="model.vae", generator="random"),
    }
    if spec["kind"] == "txt2img":
        nodes["denoise"] = node(
            "Denoise", {"guidance_scale": spec["guidance_scale"], "num_inference_steps": spec["steps"]},
            unet="model.unet", scheduler="scheduler", noise="noise.noise", generator="noise.generator",
            positive="positive", negative="negative")
        last = "denoise.latent"
    else:
        add_loop(nodes, spec)
        last = "loop.latent"
    nodes["image"] = node("VaeDecode", vae="model.vae", latent=last)
    nodes["save_latent"] = save(last, "latent.safetensors")
    nodes["save_image"] = save("image", "image.safetensors")
    return graph(spec["name"], nodes)


def add_loop(nodes, spec):
    """img2img and inpainting, with the draws in diffusers' order (tests/goldens/runs/README.md)."""
    kind = spec["kind"]
    unet, generator = "model.unet", "noise.generator"
    times = {"num_inference_steps": spec["steps"]}
    start = node("ScaleNoise", scheduler="scheduler", noise="noise.noise")
    if kind in ("img2img", "inpaint4"):
        nodes["photo"] = node("LoadImage", {"path": "input.png"})
        nodes["encoded"] = node("VaeEncode", vae="model.vae", image="photo.image", generator="random")
        nodes["noise"]["inputs"]["generator"] = "encoded.generator"
    if kind == "img2img":
        times["strength"] = spec["strength"]
        start = node("AddNoise", scheduler="scheduler", latent="encoded.latent", noise="noise.noise", step="times.first")
    if kind == "inpaint4":
        # diffusers encodes the masked picture too and drops it; the draw goes by all the same.
        nodes["dropped"] = node("VaeEncode", vae="model.vae", image="photo.image", generator="noise.generator")
        nodes["mask"] = node("LoadImage", {"path": "mask_alpha.png"})
        generator = "dropped.generator"
    if kind == "inpaint9":
        nodes["painter"] = node("LoadModel", {"path": "inpaint_unet"})
        nodes["photo"] = node("LoadImage", {"path": "input.png"})
        nodes["mask"] = node("LoadImage", {"path": "mask_alpha.png"})
        nodes["shown"] = node("MaskImage", image="photo.image", mask="mask.mask")
        nodes["encoded"] = node("VaeEncode", vae="model.vae", image="shown", generator="noise.generator")
        nodes["channels"] = node("InpaintChannels", mask="mask.mask", latent="encoded.latent")
        generator = "encoded.generator"
        unet = "painter.unet"
    nodes["times"] = node("Timesteps", times, scheduler="scheduler")
    nodes["start"] = start
    nodes["guide"] = node("Guidance", {"guidance_scale": spec["guidance_scale"]}, unet=unet, positive="positive",
                          negative="negative")
    body = {
        "scaled": node("ScaleInput", scheduler="scheduler", latent="loop.latent", step="loop.item"),
        "predicted": node("PredictNoise", denoiser="guide", latent="scaled", step="loop.item"),
        "step": node("SchedulerStep", scheduler="scheduler", noise="predicted", latent="loop.latent", step="loop.item",
                     state="loop.state", generator="loop.generator"),
    }
    latent = "step.latent"
    if kind == "inpaint9":
        body["predicted"]["inputs"]["channels"] = "channels"
    if kind == "inpaint4":
        body["kept"] = node("AddNoise", scheduler="scheduler", latent="encoded.latent", noise="noise.noise",
                            step="loop.item.next")
        body["blend"] = node("MaskBlend", background="kept", foreground="step.latent", mask="mask.mask")
        latent = "blend"
    nodes["loop"] = {
        "type": "Loop", "inputs": {"over": "times.steps"},
        "carry": {"latent": "start", "state": "times.state", "generator": generator},
        "body": {"nodes": body, "next": {"latent": latent, "state": "step.state", "generator": "step.generator"}},
    }
