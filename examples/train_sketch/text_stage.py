"""A text encoder that understands the sentences before it ever sees a picture.

Each position after the sentence's end has to tell, through linear heads, the attributes of one
object - even positions the left (or upper) one, odd positions the right (or lower) one - and of
the whole: the axis and the background. The heads are then thrown away. Cross-attention finds the
two descriptions side by side in one code, which is what binds colours to shapes.
"""

import random
import time

import torch
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

import scenes
import tokenizer as tokens

WIDTH = 128
COLOURS, SHAPES = list(scenes.COLOURS), list(scenes.SHAPES)
# The last class of each kind is "nothing said": an object that is not there, an empty sentence.
CLASSES = dict(colour=len(COLOURS) + 1, shape=len(SHAPES) + 1, size=4, axis=4, background=14)


def make_encoder(vocabulary):
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(vocabulary),
            hidden_size=WIDTH,
            intermediate_size=2 * WIDTH,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=tokens.LENGTH,
            hidden_act="quick_gelu",
            projection_dim=WIDTH,
            bos_token_id=vocabulary[tokens.START],
            eos_token_id=vocabulary[tokens.END],
            pad_token_id=vocabulary[tokens.END],
        )
    )


def targets_of(scene):
    """Class numbers: colour, shape, size of both slots, then axis and background."""
    if scene is None:
        return [12, 8, 3, 12, 8, 3, 3, 13]
    row = []
    for slot in range(2):
        if slot < len(scene.things):
            t = scene.things[slot]
            row += [COLOURS.index(t.colour), SHAPES.index(t.shape), scenes.SIZES.index(t.size)]
        else:
            row += [12, 8, 3]
    background = COLOURS.index(scene.background) if scene.background else 12
    return row + [scenes.AXES.index(scene.axis), background]


def with_strangers(text, rng):
    """A few words from outside the language, to be passed over."""
    words = text.split()
    for _ in range(rng.randint(1, 3)):
        letters = "".join(rng.choice("etaoinshrdlucmfwypvbgk") for _ in range(rng.randint(2, 8)))
        if letters not in scenes.KNOWN_WORDS:
            words.insert(rng.randint(0, len(words)), letters)
    return " ".join(words)


def sample(rng, quick, count):
    ids, targets = [], []
    for _ in range(count):
        if rng.random() < 0.04:
            scene, text = None, ""
        else:
            scene = scenes.sample_scene(rng)
            text = scenes.caption(scene, rng)
            if rng.random() < 0.12:
                text = with_strangers(text, rng)
        ids.append(quick(text))
        targets.append(targets_of(scene))
    return torch.tensor(ids), torch.tensor(targets)


class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.kinds = nn.ModuleDict({k: nn.Linear(WIDTH, n) for k, n in CLASSES.items()})

    def forward(self, hidden, ids, targets, end):
        """Mean cross-entropy, and how many sentences have every answer right at one position."""
        after = (ids == end).cumsum(1) > 0
        slot = torch.arange(ids.shape[1]) % 2
        loss, right = 0.0, torch.ones(ids.shape[0], dtype=torch.bool)
        columns = dict(colour=(0, 3), shape=(1, 4), size=(2, 5), axis=(6, 6), background=(7, 7))
        for kind, (even, odd) in columns.items():
            scores = self.kinds[kind](hidden)
            wanted = torch.where(slot[None] == 0, targets[:, even, None], targets[:, odd, None])
            each = nn.functional.cross_entropy(
                scores.flatten(0, 1), wanted.flatten(), reduction="none"
            ).view_as(wanted)
            loss = loss + (each * after).sum() / after.sum()
            right &= ((scores.argmax(-1) == wanted) | ~after).float().mean(1) > 0.99
        return loss, right.float().mean()


def train(folder, vocabulary_folder, steps, log, batch=64, learning_rate=2e-3):
    checkpoint = folder / "text.pt"
    quick = tokens.QuickTokenizer.read(vocabulary_folder)
    torch.manual_seed(7)
    encoder, heads = make_encoder(quick._vocabulary), Heads()
    if checkpoint.exists():
        encoder.load_state_dict(torch.load(checkpoint, weights_only=True)["model"])
        log("text: already trained")
        return encoder
    parameters = [*encoder.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(parameters, learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, total_steps=steps, pct_start=0.08
    )
    rng, began = random.Random(11), time.time()
    for step in range(1, steps + 1):
        ids, targets = sample(rng, quick, batch)
        with torch.autocast("cpu", torch.bfloat16):
            hidden = encoder(ids).last_hidden_state
        loss, right = heads(hidden.float(), ids, targets, quick.end)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            log(f"text: step {step} {time.time() - began:.0f} s loss {loss:.4f} "
                f"sentences right {right:.2f}")
    held_out = scenes.held_out_scenes(400, seed=5)
    ids = torch.tensor([quick(scenes.caption(s, rng)) for s in held_out])
    with torch.no_grad():
        hidden = encoder(ids).last_hidden_state
        _, right = heads(hidden, ids, torch.tensor([targets_of(s) for s in held_out]), quick.end)
    log(f"text: of 400 held-out sentences {100 * right:.1f}% understood")
    torch.save(dict(model=encoder.state_dict(), heads=heads.state_dict()), checkpoint)
    return encoder
