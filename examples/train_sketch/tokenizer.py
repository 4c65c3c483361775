"""A small CLIP tokenizer: all bytes, and one token for each word of the language."""

import collections
import json

import scenes

START, END = "<|startoftext|>", "<|endoftext|>"
LENGTH = 77  # what programs that run Stable Diffusion expect


def byte_symbols():
    """The printable stand-ins that byte-level BPE uses for the 256 bytes, in CLIP's order."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in plain]
    return [chr(b) for b in plain] + [chr(256 + k) for k in range(len(others))]


def learn_merges(words):
    """Byte pair encoding run until each word is one symbol; the commonest pair goes first."""
    splits = {w: [*w[:-1], w[-1] + "</w>"] for w in words}
    merges = []
    while True:
        counts = collections.Counter(
            pair for parts in splits.values() for pair in zip(parts, parts[1:])
        )
        if not counts:
            return merges
        best = max(sorted(counts), key=counts.__getitem__)
        merges.append(best)
        for word, parts in splits.items():
            joined, k = [], 0
            while k < len(parts):
                if tuple(parts[k : k + 2]) == best:
                    joined.append(parts[k] + parts[k + 1])
                    k += 2
                else:
                    joined.append(parts[k])
                    k += 1
            splits[word] = joined


def write(folder):
    folder.mkdir(parents=True, exist_ok=True)
    symbols = byte_symbols()
    merges = learn_merges(scenes.KNOWN_WORDS)
    tokens = symbols + [s + "</w>" for s in symbols] + ["".join(m) for m in merges] + [START, END]
    vocabulary = {}
    for token in tokens:
        vocabulary.setdefault(token, len(vocabulary))
    lines = ["#version: 0.2"] + [" ".join(m) for m in merges]

    def put(name, value):
        text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
        (folder / name).write_text(text, encoding="utf-8")

    put("vocab.json", vocabulary)
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    special = dict(bos_token=START, eos_token=END, pad_token=END, unk_token=END)
    put("special_tokens_map.json", special)
    put(
        "tokenizer_config.json",
        dict(special, add_prefix_space=False, do_lower_case=True, errors="replace",
             model_max_length=LENGTH, tokenizer_class="CLIPTokenizer"),
    )
    put("known_words.json", list(scenes.KNOWN_WORDS))
    return vocabulary


class QuickTokenizer:
    """The same ids for lower-case words of plain letters, without the machinery; for training."""

    def __init__(self, vocabulary, merges):
        self._vocabulary = vocabulary
        self._ranks = {tuple(pair): rank for rank, pair in enumerate(merges)}
        self._cache = {}
        self.start, self.end = vocabulary[START], vocabulary[END]

    @classmethod
    def read(cls, folder):
        vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
        return cls(vocabulary, [line.split() for line in lines])

    def _word(self, word):
        if word not in self._cache:
            parts = [*word[:-1], word[-1] + "</w>"]
            while len(parts) > 1:
                pairs = list(zip(parts, parts[1:]))
                best = min(pairs, key=lambda p: self._ranks.get(p, 1 << 30))
                if best not in self._ranks:
                    break
                at = pairs.index(best)
                parts[at : at + 2] = [parts[at] + parts[at + 1]]
            self._cache[word] = [self._vocabulary[p] for p in parts]
        return self._cache[word]

    def __call__(self, text):
        ids = [self.start]
        for word in text.split():
            ids += self._word(word)
        ids = ids[: LENGTH - 1]
        return ids + [self.end] * (LENGTH - len(ids))
