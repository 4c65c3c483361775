"""Learned words as training programs save them, and what diffusers makes of prompts with them.

tests/goldens/textual_inversion/: two tiny text encoders for the tokenizer of tests/goldens/tokenizer,
the embeddings, and cases.json with the ids that diffusers' prompts become; their hidden states lie in
expected.safetensors.
"""

import pathlib
import shutil
import tempfile

import torch
from diffusers import DiffusionPipeline
from diffusers.loaders import TextualInversionLoaderMixin
from safetensors.torch import load_file

import random_models as models
import tokenizer_goldens
from golden_files import GOLDENS, generator, write_json, write_safetensors
from model_goldens import write_weights

FOLDER = GOLDENS / "textual_inversion"
LENGTH = 77
SHOWN = 7  # every so many positions are kept: each has seen all before it
# The second one's table is longer than the tokenizer, and its end token is the old 2, so that text
# is pooled at the greatest id; SDXL's second encoder is like that.
ENCODERS = {
    "text_encoder": dict(hidden_size=24, num_attention_heads=2, hidden_act="quick_gelu", more_rows=0, projection=False),
    "text_encoder_2": dict(hidden_size=16, num_attention_heads=2, hidden_act="gelu", more_rows=7, projection=True),
}
PROMPTS = ["a photo of {0}", "{0}", "{0}{0} left of {0}, red", "an {0}-like house and {0}s", "no such word",
           "a " * 70 + "{0} behind", "A BIG {0} ON WHITE"]


class Loader(DiffusionPipeline, TextualInversionLoaderMixin):
    """What of a pipeline reads learned words."""

    def __init__(self, tokenizer, text_encoder):
        super().__init__()
        self.register_modules(tokenizer=tokenizer, text_encoder=text_encoder)


def make_encoder(name, vocabulary):
    spec = dict(ENCODERS[name])
    more, projection = spec.pop("more_rows"), spec.pop("projection")
    end = vocabulary - 1
    config = dict(vocab_size=vocabulary + more, intermediate_size=2 * spec["hidden_size"], num_hidden_layers=2,
                  max_position_embeddings=LENGTH, projection_dim=12, layer_norm_eps=1e-5, pad_token_id=1,
                  bos_token_id=0 if projection else end - 1, eos_token_id=2 if projection else end, **spec)
    ids = models.clip_inputs(config, models.seed_of(name), 2, LENGTH)
    model = models.build_clip(f"inversion.{name}", config, torch.float16, ids, projection)
    part = FOLDER / name
    part.mkdir(parents=True)
    write_json(part / "config.json", {"model_type": "clip_text_model", "architectures": [type(model).__name__], **config})
    write_weights(model, part / "model.safetensors", "f16")
    return model


def rows(seed, *shape):
    return (0.6 * torch.randn(shape, generator=generator(seed))).half().float()


def write_embeddings():
    """{file: (what diffusers takes for the first encoder, for the second, the token)}"""
    FOLDER.mkdir(parents=True, exist_ok=True)

    def original(name, tensor, place, legacy):
        # As AUTOMATIC1111 and the first textual inversion program save it. Lower case: of a name with
        # capitals diffusers takes the first vector alone, since it looks for the name as it is spelt
        # among tokens in lower case; weft takes all.
        state = {"string_to_token": {"*": 265}, "string_to_param": {"*": torch.nn.Parameter(tensor)},
                 "name": name, "step": 3000, "sd_checkpoint": "81761151", "sd_checkpoint_name": "v1-5"}
        torch.save(state, FOLDER / place, _use_new_zipfile_serialization=not legacy)
        return FOLDER / place

    write_safetensors(FOLDER / "toy.safetensors", {"<toy>": rows(1, 3, 24)})
    torch.save({"<one>": rows(2, 24)}, FOLDER / "learned_embeds.bin")
    both = {"clip_l": rows(3, 2, 24), "clip_g": rows(4, 2, 16)}
    write_safetensors(FOLDER / "sdxl_style.safetensors", both)
    return {
        "toy.safetensors": (FOLDER / "toy.safetensors", None, None),
        "learned_embeds.bin": (FOLDER / "learned_embeds.bin", None, None),
        "old.pt": (original("style-old", rows(5, 2, 24), "old.pt", True), None, None),
        "new.pt": (original("style_new", rows(6, 1, 24), "new.pt", False), None, None),
        "sdxl_style.safetensors": ({"clip_l": both["clip_l"]}, {"clip_g": both["clip_g"]}, "sdxl_style"),
    }


def encode(loader, prompt):
    prompt = loader.maybe_convert_prompt(prompt, loader.tokenizer)
    ids = loader.tokenizer(prompt, padding="max_length", max_length=LENGTH, truncation=True,
                           return_tensors="pt").input_ids
    return ids, models.run_clip(loader.text_encoder, ids)


def new_loader(folder, name):
    kind = models.CLIPTextModelWithProjection if ENCODERS[name]["projection"] else models.CLIPTextModel
    config = models.CLIPTextConfig.from_json_file(FOLDER / name / "config.json")
    model = kind(config)
    # diffusers cuts the table to the tokenizer's length; rows behind it have no token.
    model.load_state_dict({k: v.float() for k, v in load_file(FOLDER / name / "model.safetensors").items()})
    return Loader(tokenizer_goldens.load(folder), model.eval())


def make():
    shutil.rmtree(FOLDER, ignore_errors=True)
    cases, expected = [], {}
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        tokenizer_goldens.write_vocabulary(place)
        vocabulary = len(tokenizer_goldens.load(place))
        for name in ENCODERS:
            make_encoder(name, vocabulary)
        embeddings = write_embeddings()
        # Each alone, and then all of the first encoder's on one pipeline.
        chains = [[file] for file in embeddings] + [[f for f, (_, second, _) in embeddings.items() if second is None]]
        for chain in chains:
            for which, name in enumerate(ENCODERS):
                if any(embeddings[file][which] is None for file in chain):
                    continue
                loader = new_loader(place, name)
                tokens = []
                for file in chain:
                    *states, token = embeddings[file]
                    before = set(loader.tokenizer.get_vocab())
                    if isinstance(states[which], dict):
                        loader.load_textual_inversion(states[which], token=token)
                    else:
                        loader.load_textual_inversion(str(FOLDER), weight_name=states[which].name)
                    added = [t for t in loader.tokenizer.get_vocab() if t not in before]
                    tokens.append(min(added, key=len))
                texts = [prompt.format(tokens[0]) for prompt in PROMPTS]
                if len(tokens) > 1:
                    texts = [" and ".join(tokens), "".join(tokens), "red ".join(reversed(tokens))]
                for text in texts:
                    ids, outputs = encode(loader, text)
                    key = f"{len(cases)}"
                    cases.append({"embeddings": chain, "tokens": tokens, "encoder": name, "text": text,
                                  "ids": ids[0].tolist()})
                    expected[f"{key}.hidden"] = outputs["hidden_states_minus_2"][:, ::SHOWN]
                    if "text_embeds" in outputs:
                        expected[f"{key}.pooled"] = outputs["text_embeds"]
    write_json(FOLDER / "cases.json", {"vocabulary": vocabulary, "cases": cases})
    write_safetensors(FOLDER / "expected.safetensors", expected)
    size = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file())
    return f"{len(cases)} prompts, {size / 1e3:.0f} kB"
