"""A small CLIP vocabulary, trained here on a few lines of text, and what the fast tokenizer makes of
many strings."""

import collections
import gzip
import json
import pathlib
import shutil
import tempfile

import regex

from golden_files import GOLDENS, write_json, write_rows

START, END = "<|startoftext|>", "<|endoftext|>"
MERGES = 700

# Sentences of our own; they only decide which pairs of bytes are common.
CORPUS = """
a red circle left of a blue square on a white background and a small green star above the large ring
a photograph of an old lighthouse at dawn with gulls over the water and soft light on the rocks
an oil painting of a quiet village street in winter, snow on the roofs, warm light in the windows
the quick brown fox jumps over the lazy dog while two cats are watching them from the garden wall
a portrait of a woman with a yellow hat, highly detailed, sharp focus, studio light, 4k, 8k
the mountains were covered with mist; we couldn't see the river, but we'd hear it all the time
they're drawing maps, I'm reading, you've written letters, he'll sing, it's late, don't wait
a watercolor drawing of flowers in a glass vase on the wooden table near an open window
black and white pencil sketch of a train crossing the bridge, clouds and smoke, wide view
low quality, blurry, bad anatomy, extra fingers, cropped, worst quality, jpeg artifacts
una casa pequeña en la montaña con un árbol grande, el niño corre por el camino después de comer
une forêt au crépuscule, des châteaux et des étoiles, où la lumière s'éteint très lentement
ein schönes Mädchen läuft durch die Straße, weiß und grün, größer als die Häuser über dem Fluss
красный круг слева от синего квадрата на белом фоне, старый город зимой и тихая река
一只红色的猫坐在窗边 山水画 美丽的风景 日本語の文章を書く 東京の夜 猫と犬
صورة قطة صغيرة على الطاولة في البيت الكبير والسماء زرقاء
बिल्ली की एक सुंदर तस्वीर और नीला आकाश
ภาพวาดของแมวสีแดงบนโต๊ะ
εικόνα μιας κόκκινης γάτας στο παράθυρο
빨간 고양이가 창가에 앉아 있다
""".strip()


def byte_letters():
    """The printable letter that stands for each byte in a byte-level vocabulary (GPT-2's table)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in printable}
    others = [byte for byte in range(256) if byte not in letters]
    letters.update({byte: chr(256 + k) for k, byte in enumerate(others)})
    return printable + others, letters


def train():
    order, letters = byte_letters()
    words = collections.Counter()
    for piece in regex.findall(r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+", CORPUS.lower()):
        symbols = [letters[byte] for byte in piece.encode()]
        words[(*symbols[:-1], symbols[-1] + "</w>")] += 1
    merges = []
    while len(merges) < MERGES:
        pairs = collections.Counter()
        for word, count in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += count
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        merged = collections.Counter()
        for word, count in words.items():
            out, k = [], 0
            while k < len(word):
                if word[k:k + 2] == best:
                    out.append(word[k] + word[k + 1])
                    k += 2
                else:
                    out.append(word[k])
                    k += 1
            merged[tuple(out)] += count
        words = merged
    tokens = [letters[byte] for byte in order]
    tokens += [token + "</w>" for token in tokens]
    # Two pairs may merge into the same text; the token is listed once.
    for left, right in merges:
        if left + right not in tokens:
            tokens.append(left + right)
    tokens += [START, END]
    return {token: k for k, token in enumerate(tokens)}, merges


def write_files(folder, vocabulary, merges):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    lines = "".join(f"{left} {right}\n" for left, right in merges)
    (folder / "merges.txt").write_text("#version: 0.2\n" + lines, encoding="utf-8")


def write_vocabulary(folder):
    vocabulary, merges = train()
    write_files(folder, vocabulary, merges)
    return vocabulary, merges


def load(folder):
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(folder)


def strings():
    """What has gone wrong in tokenizers before, and plain sentences."""
    texts = [line for line in CORPUS.split("\n")]
    texts += [
        "", " ", "   ", "\t\n", "\u00a0", "\u3000\u2003", "\u200b", "\ufeff", "\u200d", "\x00", "\x00a\x00b", "\x01\x02",
        "\x1b[31mred\x1b[0m", "\x7f", "\x85", "\x1c\x1d\x1e\x1f", "a\x0bb\x0cc", "\u2028line\u2029para", "\u180e", "\u2060",
        "a", "A", "z", "cat", "Cat", "CAT", "cAt", "a cat", " a cat", "a cat ", "a  cat", "a\tcat", "a\ncat", "a\r\ncat",
        "a\u00a0cat", "a\u2003cat", "a\u200bcat", "a\u200dcat", "a\ufeffcat", "cat.", "cat,dog", "cat;dog:bird", "(cat)",
        "[cat]", "{cat}", "<cat>", "cat!", "cat?!", "cat...", "cat…", "cat -- dog", "cat—dog", "cat–dog", "cat-dog", "cat_dog",
        "__init__", "snake_case_name", "camelCaseName", "kebab-case-name", "a/b\\c", "C:\\dir\\file.txt", "/usr/lib/x.so.1",
        "https://example.org/a?b=c&d=e#f", "user@example.org", "#tag @name", "50%", "$9.99", "£5 €6 ¥7 ₹8", "a+b=c", "x^2",
        "1girl", "2boys", "4k", "8K", "1234567890", "3.14159", "1,000,000", "2024-01-02", "12:34:56", "0x1F", "1e-5", "-7",
        "½ ⅓ ¾", "²³¹", "①②③", "Ⅷ ⅷ", "٣٤٥", "१२३", "๑๒๓", "一二三", "１２３", "Ａｂｃ", "ﬁsh ﬂow", "ǅ ǆ Ǆ", "ª º",
        "it's", "IT'S", "don't", "they're", "we've", "I'm", "he'll", "she'd", "'s", "'t", "'re", "'S", "'RE", "''s", "'st",
        "it’s", "don’t", "rock'n'roll", "'tis", "dogs'", "o'clock", "y'all'd've", "'", "''", "'''", "\"", "\"'\"", "`", "´",
        "!!!", "?????", "......", ",,,,", "!@#$%^&*()", "-=_+[]{}|;:,.<>/?~", "~~~", "***bold***", "(((nested)))", "<<>>",
        "(word:1.3)", "((word)), [word]", "word:0.5", "a AND b", "BREAK", "<lora:name:0.8>", "{a|b|c}", "--ar 16:9",
        "café", "cafe\u0301", "CAFÉ", "naïve", "nai\u0308ve", "Ångström", "A\u030angstro\u0308m", "\u212bngstrom", "ñandú",
        "n\u0303andu\u0301", "Ḋ\u0323", "D\u0323\u0307", "ṩ", "s\u0323\u0307", "s\u0307\u0323", "e\u0301\u0300\u0302",
        "\u0301", "\u0301\u0301a", "a\u0301\u0301\u0301", "Z\u0351\u036b\u0343", "q\u0307\u0323", "ệ", "e\u0323\u0302",
        "straße", "STRASSE", "STRAẞE", "ß", "ẞ", "İstanbul", "ISTANBUL", "ıstanbul", "I\u0307", "İ", "ı", "Iı İi", "DŽ", "ŉ",
        "ΣΊΣΥΦΟΣ", "Σ", "ΑΣ", "ΑΣ Β", "ὈΔΥΣΣΕΎΣ", "ς σ", "ΐ", "ι\u0308\u0301", "ᾳ ᾼ", "Ω", "\u2126", "K", "\u212a", "ﬃ",
        "Привет, мир!", "ПРИВЕТ", "Ёлка", "Ё", "е\u0308лка", "йод", "и\u0306од", "Щука Ъ ы", "Їжак", "ЂЉЊ", "ѐ", "Ӂ ӂ",
        "你好，世界！", "猫", "一只猫在睡觉", "東京タワー", "ひらがなカタカナ", "ガ", "カ\u3099", "ｶﾞ", "㍿", "㌔", "々〆〇", "「引用」", "한국어",
        "\u1112\u1161\u11ab", "\uac01", "\u1100\u1161\u11a8", "각", "値段は¥500です", "𠮷野家", "𠀀", "﨑", "\uf900", "豈", "龍龜",
        "مرحبا بالعالم", "السَّلامُ", "لا", "ﻻ", "کتاب", "ـــ", "\u200fعربي\u200e", "٪ ؟ ،", "שלום עולם", "שָׁלוֹם", "\ufb2a", "וּ",
        "สวัสดี", "ภาษาไทย", "น้ำ", "กำ", "ກຳ", "नमस्ते", "हिन्दी में", "क़", "\u0958", "क\u093c", "ड़", "ক্ষ", "தமிழ்", "క్ష", "ಕ್ಷ", "മലയാളം",
        "ශ්‍රී", "ខ្មែរ", "မြန်မာ", "བོད་ཡིག", "አማርኛ", "ქართული", "ᲥᲐᲠᲗᲣᲚᲘ", "Հայերեն", "և", "ⴰⵎⴰⵣⵉⵖ", "ᏣᎳᎩ", "Ꮳ ꭳ", "ᐃᓄᒃ", "𐐀𐐨", "𝔘𝔫𝔦", "𝟘𝟙𝟚",
        "😀", "😀😀", "😀 😀", "a😀b", "👍🏽", "👩‍👩‍👧‍👦", "👨🏿‍🚀", "🏳️‍🌈", "🇩🇪", "🇩🇪🇫🇷", "❤️", "❤", "☺︎", "1️⃣", "#️⃣", "🧑‍🎄", "🫠", "🐈‍⬛",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "♥♦♣♠", "→←↑↓", "∑∫∂√∞", "≠≤≥±×÷", "α β γ", "℃ ℉ №", "™®©", "░▒▓█",
        "\ufffd", "\ufffd\ufffd", "a\ufffdb", "\ufffe", "\uffff", "\U0010ffff", "\U000f0000", "\ue000", "\ufdd0", "\ufffc",
        END, START, f"a {END} b", f"a{END}b", f"{END}{END}", f"{START}a cat{END}", f"a {START} b", "<|ENDOFTEXT|>", "<|EndOfText|>", "<|STARTOFTEXT|>",
        f"a cat {END}.", f" {END} ", f"{END} cat", f"cat\n{END}\ndog", "<|endoftext", "endoftext|>", "<|end|>", "< |endoftext| >", "<|endoftext|>>", "<<|endoftext|>",
        f"'s{END}'s", f"1{END}2", f"é{END}e\u0301", "<|startoftext|><|endoftext|>", "<|startoftext|>hello", "<|ENDOFTEXT|> cat <|endoftext|>", "<|endo\u200bftext|>",
        "</w>", "a</w>", "a</w> b", "</w></w>", "cat</w>dog", "<w>", "Ġcat", "Ċ", "Ġ", "Â", "â</w>", "ðŁĺĢ", "Ã©",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "the" * 40, "cat" * 60, "猫" * 50, "😀" * 30, "é" * 40, "." * 100, "7" * 100,
        "pneumonoultramicroscopicsilicovolcanoconiosis", "Donaudampfschifffahrtsgesellschaftskapitän", "a" + "\u0301" * 40,
        " ".join(["a red circle left of a blue square"] * 12), ", ".join(["highly detailed"] * 50), " ".join(str(k) for k in range(120)),
        "a cat, \n\n a dog\t\tand   a bird", "trailing newline\n", "\n\n\nleading", "MiXeD cAsE wItH 123 aNd 'S", "e=mc²", "H₂O", "CO₂", "x₁ x²",
        "don'tdon't", "it's's", "we'll've", "'llama", "'Malley", "'re-do", "x's", "1's", "!'s", "é's", "'ſ", "ſ", "'ſ t", "K's", "It＇s", "Ǆ's",
        "a\u034fb", "a\u00adb", "a\u061cb", "a\u2066b\u2069", "a\u202eb\u202c", "co\u00adoperate", "\u00ad", "a\u20ddb", "A\u20dd", "ⓐⒶ", "🅰", "🄰",
        "a\u1680b", "a\u2000b\u200ac", "a\u202fb", "a\u205fb", "a\u3000b", "a\u0085b", "\x1ca\x1db", "a\u180eb", "ǰ J\u030c", "ẖ H\u0331", "ﬀ FF",
        "Ⱥ ⱥ", "Ɐ ɐ", "ꙁ Ꙁ", "Ꞛ", "𞤀 𞤢", "𐓏", "Ⴀ ⴀ", "ᾈ ᾀ", "Ὓ", "ᲀ в", "ẛ", "ẛ\u0323", "ſ\u0323\u0307", "Ω̈", "Å Å Å",
        "‘single’ “double” «angle» ‹one›", "¡Hola! ¿Qué?", "a·b•c‧d", "a‐b‑c‒d", "1⁄2", "5′ 6″", "§4 ¶2 †‡", "¯\\_(ツ)_/¯", "(╯°□°)╯︵ ┻━┻", "ʕ•ᴥ•ʔ",
        "line1\\nline2", "tab\\t", "&amp; &lt;b&gt;", "<b>bold</b>", "```code```", "**a** _b_ ~~c~~", "[link](url)", "{\"k\": [1, 2]}", "SELECT * FROM t;",
    ]
    seen = set()
    return [text for text in texts if not (text in seen or seen.add(text))]


def cases(tokenizer):
    return [{"text": text, "ids": tokenizer(text)["input_ids"]} for text in strings()]


def normalized_start(folder, rows):
    """The rows that change where the configuration has SD 1's declaration of the start token."""
    token = {"__type": "AddedToken", "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        for name in ("vocab.json", "merges.txt"):
            shutil.copy(folder / name, place)
        write_json(place / "tokenizer_config.json", {
            "tokenizer_class": "CLIPTokenizer", "bos_token": {**token, "content": START},
            "eos_token": {**token, "content": END}, "pad_token": END, "unk_token": {**token, "content": END}})
        return [row for row, old in zip(cases(load(place)), rows) if row != old]


def make():
    folder = GOLDENS / "tokenizer"
    for path in folder.glob("*.json"):
        path.unlink()
    vocabulary, merges = write_vocabulary(folder)
    from_lists = load(folder)
    from_lists.save_pretrained(folder)
    (folder / "tokenizer_config.json").unlink()
    rows = cases(from_lists)
    # Both ways of loading it are the same tokenizer.
    assert rows == cases(load(folder))
    write_rows(folder / "cases.json", {
        "start": vocabulary[START], "end": vocabulary[END],
        "when_start_token_is_normalized": normalized_start(folder, rows),
    }, "cases", rows)
    return f"{len(rows)} strings, {len(vocabulary)} tokens, {len(merges)} merges"


def write_clip_vocabulary(packed, folder):
    """CLIP's own vocabulary from `bpe_simple_vocab_16e6.txt.gz` as vocab.json and merges.txt."""
    lines = gzip.open(packed).read().decode().split("\n")
    merges = [tuple(line.split()) for line in lines[1:49152 - 256 - 2 + 1]]
    order, letters = byte_letters()
    tokens = [letters[byte] for byte in order]
    tokens += [token + "</w>" for token in tokens] + ["".join(merge) for merge in merges] + [START, END]
    write_files(folder, {token: k for k, token in enumerate(tokens)}, merges)
