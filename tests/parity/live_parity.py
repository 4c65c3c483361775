"""Compares the `weft` command with PyTorch, diffusers and transformers on models drawn at random.

  python tests/parity/live_parity.py                        everything, from a seed that is printed
  python tests/parity/live_parity.py --seed 7 unet runs     only these, again with seed 7
  python tests/parity/live_parity.py --weft build/dev/weft --keep /tmp/parity

Families: noise tokenizer clip unet family_unet lora vae tiny_vae runs. Each comparison is one line; the last one counts them.
Exit code 0 only if all passed; 77 (ctest's "skipped") where PyTorch is not installed.

The bars: in f32 no value off by more than 1e-4 of the output's range; in bf16 a cosine of at least
0.999; no pixel of a whole run off by more than 2/255; noise equal to 1e-6; token ids the same.
"""

import argparse
import copy
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
FAMILIES = ["noise", "tokenizer", "clip", "unet", "family_unet", "lora", "vae", "tiny_vae", "runs"]

try:
    import diffusers
    import peft  # noqa: F401
    import torch
    import transformers  # noqa: F401
    from safetensors.torch import load_file
except ImportError as missing:
    print(f"live parity skipped: {missing}")
    sys.exit(77)

import lora_goldens
import model_goldens
import random_adapters
import random_configs
import random_models as models
import run_goldens
import tokenizer_goldens
import weft_graphs
from golden_files import generator, write_json, write_safetensors

TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


class WeftFailed(Exception):
    """The command ended with another code than 0, or left no file."""


class Parity:
    def __init__(self, weft, root, seed, timeout):
        self.weft, self.root, self.seed, self.timeout = weft, root, seed, timeout
        self.random = random.Random(seed)
        self.passed = self.failed = 0

    def place(self, name):
        folder = self.root / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def run(self, folder, graph, precision="f32"):
        """Runs a graph in its folder, so that relative paths mean the same to everyone."""
        name = f"{precision}.json"
        write_json(folder / name, graph)
        for path in folder.glob("*.safetensors"):
            if path.name not in ("inputs.safetensors", "channels.safetensors"):
                path.unlink()
        done = subprocess.run([self.weft, "run", name, "--out", ".", "--precision", precision], cwd=folder,
                              capture_output=True, text=True, timeout=self.timeout)
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip() or "nothing said").splitlines()
            raise WeftFailed(f"weft run ends with code {done.returncode}: {' | '.join(said[-3:])}")

    def line(self, good, name, said):
        self.passed += good
        self.failed += not good
        print(f"{'pass' if good else 'FAIL'} {name}: {said}", flush=True)

    def attempt(self, names, work):
        """`work` answers a list of (name, good, said); where it breaks off, all its names have failed."""
        try:
            for name, good, said in work():
                self.line(good, name, said)
        except (WeftFailed, subprocess.TimeoutExpired, OSError, KeyError, ValueError) as error:
            for name in names:
                self.line(False, name, f"{error}")


def saved(folder, file):
    path = folder / file
    if not path.exists():
        raise WeftFailed(f"weft left no {file}")
    tensors = load_file(path)
    return tensors["value"] if "value" in tensors else next(iter(tensors.values()))


def compare(actual, expected, precision):
    """(good, said) by the bar of the precision."""
    if tuple(actual.shape) != tuple(expected.shape):
        return False, f"has shape {list(actual.shape)} instead of {list(expected.shape)}"
    actual, expected = actual.double(), expected.double()
    if not torch.isfinite(actual).all():
        return False, "is not finite"
    if precision == "bf16":
        cosine = models.cosine(actual, expected)
        return cosine >= 0.999, f"cosine {cosine:.5f}"
    worst = float((actual - expected).abs().max() / (expected.max() - expected.min()))
    return worst <= 1e-4, f"max |Δ| {worst:.1e} of the range"


class NotDrawn(Exception):
    """Chance gave no model in which dropping a block would show."""


def drawn(build, attempts=24):
    """A random model that meets the conditions of a golden; some configurations do not, and are redrawn."""
    for _ in range(attempts):
        try:
            return build()
        except (AssertionError, RuntimeError) as error:
            why = error
    raise NotDrawn(f"no model in {attempts} attempts: {why}")


def rounds(parity, family, count, one):
    for k in range(count):
        try:
            one(parity, f"{family} {k}", parity.place(f"{family}-{k}"))
        except NotDrawn as error:
            print(f"skip {family} {k}: {error}", flush=True)


# ---- the families --------------------------------------------------------------------------------


def check_noise(parity, count):
    def one(parity, name, folder):
        channels, factor = parity.random.choice([(4, 8), (4, 2), (8, 4), (1, 2)])
        width, height = (factor * parity.random.randrange(1, 40) for _ in "wh")
        batch, seed = parity.random.randrange(1, 4), parity.random.choice([0, 1, 2**31 + 5, parity.random.randrange(2**62)])
        levels = {2: 2, 4: 3, 8: 4}[factor]
        config = dict(model_goldens.levels(levels), block_out_channels=[4] * levels, norm_num_groups=2, latent_channels=channels)
        vae = models.random_weights(diffusers.AutoencoderKL(**config), 1)
        part = folder / "model" / "vae"
        part.mkdir(parents=True)
        model_goldens.write_config(vae, part)
        model_goldens.write_weights(vae, part / "diffusion_pytorch_model.safetensors", "f32")
        shape = (batch, channels, height // factor, width // factor)
        source = generator(seed)
        expected = [torch.randn(shape, generator=source) for _ in range(2)]

        def work():
            parity.run(folder, weft_graphs.noise(seed, width, height, batch))
            for which, wanted in zip(("first", "second"), expected):
                got = saved(folder, f"{which}.safetensors")
                if got.shape != wanted.shape:
                    yield f"{name} {which}", False, f"has shape {list(got.shape)} instead of {list(shape)}"
                    continue
                worst = float((got - wanted).abs().max())
                yield f"{name} {which}", worst <= 1e-6, f"{list(shape)} seed {seed}: max |Δ| {worst:.1e}"

        parity.attempt([name], work)

    rounds(parity, "noise", count, one)


# Where the letters of a random text come from.
ALPHABETS = ["abcdefghijklmnopqrstuvwxyz", "ABCXYZ", "0123456789", " ,.!?'-()", "  \t\n\u00a0", "éàüßñçÅİı", "абвгдеЁЖ", "猫犬山水あいアイ",
             "مرحبا", "हिन्दीक्ष", "ภาษาไทย", "한국어", "😀👍🏽❤️🇩🇪\u200d", "e\u0301o\u0308\u0323", "\u200b\ufeff\u00ad", "½²Ⅷ①", "</w>", "<|endoftext|>"]


def random_text(chance):
    parts = []
    for _ in range(chance.randrange(1, 9)):
        alphabet = chance.choice(ALPHABETS)
        if alphabet.startswith("<"):
            parts.append(alphabet)
        else:
            parts.append("".join(chance.choice(alphabet) for _ in range(chance.randrange(1, 7))))
    return "".join(parts)


def check_tokenizer(parity, count, clip_vocabulary=None):
    def one(parity, name, folder, packed=None):
        place = folder / "model" / "tokenizer"
        if packed:
            tokenizer_goldens.write_clip_vocabulary(packed, place)
        else:
            tokenizer_goldens.write_vocabulary(place)
        write_json(place / "tokenizer_config.json", {"model_max_length": 77, "tokenizer_class": "CLIPTokenizer"})
        reference = tokenizer_goldens.load(place)
        texts = tokenizer_goldens.strings() if packed else [random_text(parity.random) for _ in range(60)]
        # One chunk each: how longer ones are cut is weft's own affair.
        wanted = [(text, ids) for text in texts if len(ids := reference(text)["input_ids"]) <= 77]
        write_json(folder / "texts.json", [text for text, _ in wanted])

        def work():
            parity.run(folder, weft_graphs.tokenizer([text for text, _ in wanted]))
            wrong = []
            for k, (text, ids) in enumerate(wanted):
                padded = ids + [reference.pad_token_id] * (77 - len(ids))
                got = saved(folder, f"tokens_{k}.safetensors").flatten().tolist()
                if got != padded:
                    wrong.append(f"{text!r} gives {got[:len(ids) + 1]} instead of {ids}")
            yield name, not wrong, f"{len(wanted) - len(wrong)} of {len(wanted)} texts agree" + (f"; {wrong[0]}" if wrong else "")

        parity.attempt([name], work)

    rounds(parity, "tokenizer", count, one)
    if clip_vocabulary:
        one(parity, "tokenizer with CLIP's vocabulary", parity.place("tokenizer-clip"), clip_vocabulary)


def in_precisions(parity, name, folder, graph, outputs, precisions=("f32", "bf16")):
    """Runs the graph in each precision and compares the files with the expected tensors."""
    for precision in precisions:
        names = [f"{name} {precision} {file}" for file in outputs]

        def work():
            parity.run(folder, graph, precision)
            for full, (file, expected) in zip(names, outputs.items()):
                yield full, *compare(saved(folder, f"{file}.safetensors"), expected, precision)

        parity.attempt(names, work)


def check_clip(parity, count):
    def one(parity, name, folder):
        dtype = parity.random.choice(list(TYPES))

        def build():
            config, projection = random_configs.clip_config(parity.random)
            ids = models.clip_inputs(config, parity.random.randrange(2**31), 2, 77)
            tag = f"{parity.seed}.{name}.{parity.random.random()}"
            return config, ids, models.build_clip(tag, config, TYPES[dtype], ids, projection)

        config, ids, model = drawn(build)
        part = folder / "model" / "text_encoder"
        write_json(part / "config.json", {"model_type": "clip_text_model", "architectures": [type(model).__name__], **config})
        file = parity.random.choice(["model.safetensors", "model.safetensors.zst", "model.fp16.safetensors"])
        prefix = parity.random.choice(["", "text_model."])
        model_goldens.write_weights(model, part / file, dtype, model_goldens.rename_text(prefix))
        expected = models.run_clip(model, ids)
        write_safetensors(folder / "inputs.safetensors", {"input_ids": ids})
        in_precisions(parity, name, folder, weft_graphs.clip(),
                      {key: expected[key] for key in ("last_hidden_state", "clip_skip_1")})

    rounds(parity, "clip", count, one)


def check_unet(parity, count, family="unet", random_config=random_configs.unet_config):
    def one(parity, name, folder):
        dtype = parity.random.choice(list(TYPES))

        def build():
            config, size = random_config(parity.random)
            timestep = parity.random.randrange(1000)
            inputs = models.unet_inputs(config, parity.random.randrange(2**31), *size, float(timestep))
            tag = f"{parity.seed}.{name}.{parity.random.random()}"
            return config, timestep, inputs, models.build_unet(tag, config, TYPES[dtype], inputs)

        config, timestep, inputs, model = drawn(build)
        part = folder / "model" / "unet"
        part.mkdir(parents=True)
        model_goldens.write_config(model, part)
        file = parity.random.choice(["", ".fp16"]), parity.random.choice(["", ".zst"])
        model_goldens.write_weights(model, part / f"diffusion_pytorch_model{file[0]}.safetensors{file[1]}", dtype)
        positive = inputs["encoder_hidden_states"]
        negative = positive.flip(1).contiguous()
        pooled = {"pooled": inputs["text_embeds"]} if "text_embeds" in inputs else {}
        write_safetensors(folder / "inputs.safetensors", {
            "latent": inputs["sample"][:, :4], "channels": inputs["sample"][:, 4:], "positive": positive, "negative": negative,
            **pooled
        } if config["in_channels"] > 4 else {"latent": inputs["sample"], "positive": positive, "negative": negative, **pooled})
        given = models.run_unet(model, inputs)
        other = models.run_unet(model, {**inputs, "encoder_hidden_states": negative})
        for scale, expected in ((1.0, given), (7.5, other + 7.5 * (given - other))):
            if config.get("time_cond_proj_dim") and scale == 1.0:
                continue  # the scale is an input of the network, 7.5 in the reference
            sizes = inputs["time_ids"][0].tolist() if "time_ids" in inputs else None
            label = models.CLASS_LABEL if "class_labels" in inputs else None
            graph = weft_graphs.unet(timestep, config["in_channels"] > 4, scale, sizes, label)
            if config.get("time_cond_proj_dim"):
                expected = given
            # Guidance multiplies the difference of two predictions, and bf16's error with it.
            in_precisions(parity, f"{name} guidance {scale}", folder, graph, {"noise": expected},
                          ("f32", "bf16") if scale == 1.0 else ("f32",))

    rounds(parity, family, count, one)


def check_lora(parity, count):
    kinds = list(random_adapters.KINDS)
    last = []

    def network(name):
        def build():
            config, size = random_configs.unet_config(parity.random)
            timestep = parity.random.randrange(1000)
            inputs = models.unet_inputs(config, parity.random.randrange(2**31), *size, float(timestep))
            tag = f"{parity.seed}.{name}.{parity.random.random()}"
            return config, timestep, inputs, models.build_unet(tag, config, torch.float32, inputs)

        return drawn(build)

    def golden():
        """The goldens' network, for a start: drawing one takes the longest."""
        unet = lora_goldens.new_unet()
        return unet.config, 500, models.unet_inputs(unet.config, parity.seed, 1, 8, 12, 77, 500.0), unet

    def one(parity, name, folder):
        k = int(name.split()[-1])
        if k % len(kinds) == 0:
            last[:] = network(name) if k else golden()
        kind = kinds[k % len(kinds)]
        config, timestep, inputs, unet = last
        unet = copy.deepcopy(unet)
        part = folder / "model" / "unet"
        part.mkdir(parents=True)
        model_goldens.write_config(unet, part)
        model_goldens.write_weights(unet, part / "diffusion_pytorch_model.safetensors", "f32")
        plain = models.run_unet(unet, inputs)
        (folder / "lora").mkdir()
        model, path = random_adapters.KINDS[kind](parity.random, unet, folder / "lora")
        # A weight does to magnitudes what it does in PEFT; LyCORIS has another way.
        own_way = "LyCORIS" in kind and ("DoRA" in kind or "magnitudes" in kind)
        weight = 1.0 if own_way else parity.random.choice([1.0, 0.5, -0.75])
        random_adapters.set_weight(model, weight)
        expected = models.run_unet(model, inputs)
        apart = models.cosine(expected.double(), plain.double())
        said = f"{kind} × {weight}, cosine {apart:.3f} to the plain one"
        positive = inputs["encoder_hidden_states"]
        write_safetensors(folder / "inputs.safetensors", {
            "latent": inputs["sample"][:, :4], "positive": positive, "negative": positive,
            **({"channels": inputs["sample"][:, 4:]} if config["in_channels"] > 4 else {})})
        for mode in ("merged", "live"):
            graph = weft_graphs.with_lora(weft_graphs.unet(timestep, config["in_channels"] > 4, 1.0), f"lora/{path}", weight, mode)
            # How far bf16 gets depends on the network, which LyCORIS's adapters change at will: PEFT's show it.
            precisions = ("f32",) if "LyCORIS" in kind else ("f32", "bf16")
            in_precisions(parity, f"{name} {mode}, {said}", folder, graph, {"noise": expected}, precisions)
        parity.line(apart < 0.9999, f"{name} shows", said)

    rounds(parity, "lora", count or len(kinds), one)


def check_vae(parity, count):
    def one(parity, name, folder):
        dtype = parity.random.choice(list(TYPES))

        def build():
            config, (height, width) = random_configs.vae_config(parity.random)
            factor = 2 ** (len(config["block_out_channels"]) - 1)
            seed = parity.random.randrange(2**31)
            image = models.smooth_picture(seed, 1, height, width)
            latent = torch.randn(1, config["latent_channels"], height // factor, width // factor, generator=generator(seed))
            tag = f"{parity.seed}.{name}.{parity.random.random()}"
            return image, latent, seed, models.build_vae(tag, config, TYPES[dtype], image, latent)

        image, latent, seed, model = drawn(build)
        part = folder / "model" / "vae"
        part.mkdir(parents=True)
        model_goldens.write_config(model, part)
        legacy = model_goldens.legacy_attention if parity.random.random() < 0.4 else None
        model_goldens.write_weights(model, part / "diffusion_pytorch_model.safetensors", dtype, legacy)
        scale, shift = model.config.scaling_factor, 0.0
        if model.config.latents_mean:
            shift = torch.tensor(model.config.latents_mean)[:, None, None]
            scale = scale / torch.tensor(model.config.latents_std)[:, None, None]
        distribution = model.encode(image).latent_dist
        write_safetensors(folder / "inputs.safetensors", {
            "image": (image / 2 + 0.5).permute(0, 2, 3, 1), "latent": (latent - shift) * scale})
        in_precisions(parity, name, folder, weft_graphs.vae(seed), {
            "latent_mean": (distribution.mean - shift) * scale,
            "latent_sampled": (distribution.sample(generator(seed)) - shift) * scale,
            "decoded": (model.decode(latent).sample / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1)})

    rounds(parity, "vae", count, one)


def check_tiny_vae(parity, count):
    def one(parity, name, folder):
        dtype = parity.random.choice(list(TYPES))

        def build():
            config, (height, width) = random_configs.tiny_vae_config(parity.random)
            factor = 2 ** (len(config["num_decoder_blocks"]) - 1)
            seed = parity.random.randrange(2**31)
            image = models.smooth_picture(seed, 1, height, width)
            latent = torch.randn(1, config["latent_channels"], height // factor, width // factor, generator=generator(seed))
            tag = f"{parity.seed}.{name}.{parity.random.random()}"
            return image, latent, seed, models.build_tiny_vae(tag, config, TYPES[dtype], image, latent)

        image, latent, seed, model = drawn(build)
        part = folder / "model" / "vae"
        part.mkdir(parents=True)
        model_goldens.write_config(model, part)
        model_goldens.write_weights(model, part / "diffusion_pytorch_model.safetensors", dtype)
        scale = model.config.scaling_factor
        encoded = model.encode(image).latents * scale
        write_safetensors(folder / "inputs.safetensors", {
            "image": (image / 2 + 0.5).permute(0, 2, 3, 1), "latent": latent * scale})
        # There is no distribution: with a generator or without, it is the same latent.
        in_precisions(parity, name, folder, weft_graphs.vae(seed), {
            "latent_mean": encoded, "latent_sampled": encoded,
            "decoded": (model.decode(latent).sample / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1)})

    rounds(parity, "tiny_vae", count, one)


def run_cases(chance):
    def options(scheduler):
        return random_configs.scheduler_options(chance, scheduler)

    for scheduler in random_configs.SCHEDULERS:
        steps = 4 if scheduler == "LCMScheduler" else chance.randrange(5, 14)
        yield run_goldens.case(f"txt2img {scheduler}", "txt2img", scheduler, steps=steps, options=options(scheduler),
                               width=chance.choice([64, 64, 80, 104]), guidance_scale=chance.choice([5.0, 7.5, 1.0]))
    for scheduler in chance.sample(["DDIMScheduler", "EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "HeunDiscreteScheduler",
                                    "PNDMScheduler", "DPMSolverMultistepScheduler", "UniPCMultistepScheduler"], 4):
        yield run_goldens.case(f"img2img {scheduler}", "img2img", scheduler, options=options(scheduler), strength=0.6)
    for scheduler in chance.sample(["DDIMScheduler", "EulerDiscreteScheduler", "UniPCMultistepScheduler"], 2):
        yield run_goldens.case(f"inpaint9 {scheduler}", "inpaint9", scheduler, options=options(scheduler))
    for scheduler in chance.sample(["DDIMScheduler", "EulerAncestralDiscreteScheduler", "DPMSolverMultistepScheduler"], 2):
        yield run_goldens.case(f"inpaint4 {scheduler}", "inpaint4", scheduler, options=options(scheduler))


def check_runs(parity, count):
    from PIL import Image

    for k in range(count):
        folder = parity.place(f"runs-{k}")
        parts = run_goldens.make_model(folder, f"live.{parity.seed}.{k}")
        run_goldens.write_pictures(folder, parity.random.randrange(2**31))
        mask = Image.open(folder / "mask.png")
        # LoadImage's mask is what the picture leaves transparent.
        kept = Image.eval(mask, lambda x: 255 - x)
        Image.merge("RGBA", [mask, mask, mask, kept]).save(folder / "mask_alpha.png")
        for spec in run_cases(parity.random):
            spec["seed"] = parity.random.randrange(2**31)
            name = f"run {k} {spec['name']} {json.dumps(spec['options'])} {spec['steps']} steps"
            try:
                picture, latent = run_goldens.run(folder, spec, *parts)
            except Exception as error:  # the reference itself refuses this combination
                print(f"skip {name}: diffusers says {type(error).__name__}: {str(error)[:100]}")
                continue

            def work():
                parity.run(folder, weft_graphs.run(spec))
                got = saved(folder, "image.safetensors")[0].double()
                if got.max() > 1.5:  # 8-bit values
                    got = got / 255
                wanted = torch.from_numpy(picture).double()
                if got.shape != wanted.shape:
                    yield name, False, f"has shape {list(got.shape)} instead of {list(wanted.shape)}"
                    return
                worst = float(255 * (got - wanted).abs().max())
                drift = compare(saved(folder, "latent.safetensors"), latent, "f32")[1]
                yield name, worst <= 2.0, f"worst pixel off by {worst:.3f}/255 (latent: {drift})"

            parity.attempt([name], work)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("families", nargs="*", metavar="family", help=" ".join(FAMILIES))
    parser.add_argument("--weft", default=str(root / "build" / "release" / "weft"), help="the command to try")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="where the models come from")
    parser.add_argument("--rounds", type=int, help="models of each family (5; 1 for runs; for lora adapters, one of each kind)")
    parser.add_argument("--keep", help="leave graphs, models and outputs in this folder")
    parser.add_argument("--timeout", type=float, default=300, help="seconds one weft command may take")
    parser.add_argument("--clip-vocabulary", help="bpe_simple_vocab_16e6.txt.gz, to compare with CLIP's own vocabulary too")
    asked = parser.parse_args()
    unknown = [name for name in asked.families if name not in FAMILIES]
    if unknown:
        parser.error(f"no family {', '.join(unknown)}; there are {', '.join(FAMILIES)}")
    weft = shutil.which(asked.weft)
    if weft is None:
        parser.error(f"{asked.weft} is not a command; build it first or name it with --weft")

    models.LEAST_BFLOAT16 = 0.9995
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    diffusers.logging.set_verbosity_error()
    transformers.logging.set_verbosity_error()
    print(f"seed {asked.seed}, weft at {asked.weft}, torch {torch.__version__}, diffusers {diffusers.__version__}, "
          f"transformers {transformers.__version__}")
    with tempfile.TemporaryDirectory() as temporary:
        parity = Parity(str(pathlib.Path(weft).resolve()), pathlib.Path(asked.keep or temporary), asked.seed, asked.timeout)
        chosen = asked.families or FAMILIES
        checks = {
            "noise": lambda: check_noise(parity, asked.rounds or 5),
            "tokenizer": lambda: check_tokenizer(parity, asked.rounds or 2, asked.clip_vocabulary),
            "clip": lambda: check_clip(parity, asked.rounds or 5),
            "unet": lambda: check_unet(parity, asked.rounds or 5),
            "family_unet": lambda: check_unet(parity, asked.rounds or 5, "family_unet", random_configs.family_unet_config),
            "lora": lambda: check_lora(parity, asked.rounds),
            "vae": lambda: check_vae(parity, asked.rounds or 5),
            "tiny_vae": lambda: check_tiny_vae(parity, asked.rounds or 5),
            "runs": lambda: check_runs(parity, asked.rounds or 1),
        }
        for family in FAMILIES:
            if family in chosen:
                # Each family draws from its own stream, so that one alone gives what it gave among all.
                parity.random = random.Random(f"{asked.seed}.{family}")
                checks[family]()
    print(f"{parity.passed} passed, {parity.failed} failed")
    sys.exit(1 if parity.failed else 0)


if __name__ == "__main__":
    main()
