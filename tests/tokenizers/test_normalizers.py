"""Every normalizer equals the original's: the text, and where each of its characters came from."""

from __future__ import annotations

import base64
import json
import random
import re
import struct
import unicodedata
from typing import Any

import pytest

from dure.tokenizers._core import Engine, normalize

tokenizers = pytest.importorskip("tokenizers")

Component = dict[str, Any]

# All that Unicode has assigned but plain ideographs, and some of the rest.
BLOCKS = [
    range(0xD800),
    range(0xE000, 0x20100),
    range(0x2A600, 0x2A800),
    range(0x2F700, 0x2FB00),
    range(0xE0000, 0xE0200),
]
ALL_CODES = [code for block in BLOCKS for code in block] + [0x10FFFD, 0x10FFFF]
MARKS = [code for code in range(0x300, 0x1E900) if unicodedata.combining(chr(code))]
# Blanks and controls, marks of many classes, Hangul, ligatures, odd cases, emoji, Indic, what composes oddly.
HARD = [
    *map(ord, "  abexA\t\n\r\0\v\x7f\x85\xa0\xad\u3000\u200b\u200c\u200d\ufe0f\ufeff\ufffd\u2581\u2028"),
    *[0x300, 0x301, 0x302, 0x315, 0x323, 0x327, 0x338, 0x345, 0x5B0, 0x5B1, 0x64B, 0x651, 0xF71, 0xF72, 0xF74, 0x3099],
    *map(ord, "각ᆧ가각힣ﷺﬁﬠİıẞΣßéêấộΐᾼᾀ\u212b\u2126\u0344か゛ｶﾞ㈎㉠中\uf900\U0002f800"),
    *[0x915, 0x937, 0x93C, 0x94D, 0x9BE, 0x9C7, 0x9D7, 0x600, 0x6DD, 0xD4E, 0x110BD, 0x11347, 0x1133E, 0x1D15E],
    *map(ord, "©®™…👨👩🏻🇦🇧😀ำช◌"),
]
WORDS = [
    "the",
    "ÀÉ",
    "x",
    "가나",
    "한국어",
    "ñ",
    "Привет",
    "Ŀ",
    "ŉ",
    "e\u0301",
    "ﬁ",
    "...",
    "``",
    "İ",
    "1",
    "!",
    "中",
    "<s>",
]
SPACES = [" ", " ", " ", "  ", "   ", "", "\n", "\u3000", " ▁", "\u200b"]


def build_charsmap(rules: dict[str, str]) -> str:
    """A SentencePiece charsmap: a double array from keys to places among NUL-ended texts, as base64."""
    texts = b""
    trie: dict[int, Any] = {}
    for key, text in rules.items():
        node = trie
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node[0] = len(texts)
        texts += text.encode() + b"\0"
    units = [0] * 256
    taken = {0}
    queue = [(0, 0, trie)]
    first = 1
    for place, label, node in queue:
        while first in taken:
            first += 1
        base = next(base for base in range(first, 1 << 20) if not any(base ^ byte in taken for byte in node))
        units += [0] * ((base | 255) + 1 - len(units))
        units[place] |= (place ^ base) << 10 | (0 in node) << 8 | label
        taken |= {base ^ byte for byte in node}
        for byte, child in node.items():
            if byte == 0:
                units[base] = child | 1 << 31
            else:
                queue.append((base ^ byte, byte, child))
    return base64.b64encode(struct.pack(f"<{len(units) + 1}I", 4 * len(units), *units) + texts).decode()


def typed(kind: str) -> Component:
    return {"type": kind}


def bert(clean: bool, chinese: bool, accents: bool | None, lower: bool) -> Component:
    flags = {"clean_text": clean, "handle_chinese_chars": chinese, "strip_accents": accents, "lowercase": lower}
    return {"type": "BertNormalizer", **flags}


def replace(pattern: str, content: str, kind: str = "String") -> Component:
    return {"type": "Replace", "pattern": {kind: pattern}, "content": content}


def strip(left: bool, right: bool) -> Component:
    return {"type": "Strip", "strip_left": left, "strip_right": right}


def prepend(text: str) -> Component:
    return {"type": "Prepend", "prepend": text}


def sequence(*steps: Component) -> Component:
    return {"type": "Sequence", "normalizers": list(steps)}


def precompiled(rules: dict[str, str]) -> Component:
    return {"type": "Precompiled", "precompiled_charsmap": build_charsmap(rules)}


# Some rules grow, some shrink to nothing, some swallow what follows; the other set is like SentencePiece's.
ODD_RULES = {
    "a": "XY",
    "b": "",
    "é": "eé",
    "e\u0301": "é",
    "©": "",
    "क": "KA",
    "\u0600": " ",
    "ab": "nope",
    "\r\n": "N",
}
ODD_RULES |= {"가": "ga", "각\u0301": "!", "ᄀ": "", "x\u0301": "xx", "🇦": "A"}
TAME_RULES = {"\n": " ", "\u200b": "", "\ufeff": "", "…": "...", "ﬁ": "fi", "e\u0301": "é", "\u3000": " ", "▁": " "}

CASES = {
    **{kind: typed(kind) for kind in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "ByteLevel")},
    "Strip": strip(left=True, right=True),
    "Strip left": strip(left=True, right=False),
    "Strip right": strip(left=False, right=True),
    "Prepend": prepend("▁a"),
    "Prepend nothing": prepend(""),
    "BERT": bert(clean=True, chinese=True, accents=None, lower=True),
    "BERT cased": bert(clean=True, chinese=True, accents=None, lower=False),
    "BERT accents": bert(clean=False, chinese=False, accents=True, lower=False),
    "BERT ideographs": bert(clean=False, chinese=True, accents=False, lower=True),
    "Replace a space": replace(" ", "▁"),
    "Replace a letter": replace("a", "bc"),
    "Replace a pair": replace("ab", ""),
    "Replace nothing": replace("", "x"),
    "Replace spaces": replace(" {2,}", " ", kind="Regex"),
    "Replace any space": replace(r"\s+", "", kind="Regex"),
    "Precompiled": precompiled(TAME_RULES),
    "Precompiled, odd": precompiled(ODD_RULES),
    "Llama": sequence(prepend("▁"), replace(" ", "▁")),
    "Albert": sequence(
        replace("``", '"'), typed("NFKD"), typed("StripAccents"), typed("Lowercase"), precompiled(TAME_RULES)
    ),
    "XLM-R": sequence(precompiled(TAME_RULES), replace(" {2,}", " ", kind="Regex")),
    "mixed": sequence(typed("Nmt"), typed("NFKC"), strip(left=True, right=True), prepend("x")),
    "twice": sequence(typed("Lowercase"), typed("NFD"), sequence(typed("StripAccents"), typed("NFC"))),
    "bytes": sequence(precompiled(ODD_RULES), typed("NFC"), typed("ByteLevel")),
}


def build_file(component: Component) -> str:
    """A tokenizer.json that shows offsets: every character of the normalized text is a token."""
    split = {"type": "Split", "pattern": {"String": ""}, "behavior": "Isolated", "invert": False}
    model = {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}
    parts = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": component}
    return json.dumps({**parts, "pre_tokenizer": split, "post_processor": None, "decoder": None, "model": model})


def ours(component: Component, text: str) -> str:
    return normalize(json.dumps(component).encode(), text)


def random_text(rng: random.Random) -> str:
    size = rng.choice([0, 1, 2, 3, 4, 6, 9, 15, 40])
    kind = rng.random()
    if kind < 0.5:
        codes = [rng.choice(HARD) for _ in range(size)]
    elif kind < 0.65:
        codes = [rng.choice(HARD if rng.random() < 0.5 else MARKS) for _ in range(size)]
    elif kind < 0.8:
        codes = [rng.choice(ALL_CODES) for _ in range(size)]
    elif kind < 0.9:
        codes = [rng.randrange(0x900, 0xE00) for _ in range(size)]
    else:
        codes = [
            rng.randrange(0x1100, 0x1200) if rng.random() < 0.6 else rng.randrange(0xAC00, 0xD7A4) for _ in range(size)
        ]
    return "".join(map(chr, codes))


def random_sentence(rng: random.Random) -> str:
    start = rng.choice(["", "", "", " ", "  ", "\u200b", "\ufeff", "\u0301"])
    return start + "".join(rng.choice(WORDS) + rng.choice(SPACES) for _ in range(rng.choice([1, 2, 4, 8])))


@pytest.mark.parametrize("component", CASES.values(), ids=CASES.keys())
def test_every_code_point_becomes_what_it_does_in_the_original(component: Component) -> None:
    oracle = tokenizers.Tokenizer.from_str(build_file(component)).normalizer
    text = "x".join(map(chr, ALL_CODES))
    got, expected = ours(component, text), oracle.normalize_str(text)
    if got != expected:
        wrong = [c for c in ALL_CODES if ours(component, f"x{chr(c)}y") != oracle.normalize_str(f"x{chr(c)}y")]
        pytest.fail(f"{len(wrong)} code points differ, among them {[hex(code) for code in wrong[:20]]}")


@pytest.mark.parametrize("component", CASES.values(), ids=CASES.keys())
def test_random_texts_and_their_offsets_equal_the_original(component: Component) -> None:
    rng = random.Random(3)
    texts = [random_text(rng) for _ in range(600)] + [random_sentence(rng) for _ in range(300)]
    file = build_file(component)
    engine, oracle = Engine.from_json(file.encode()), tokenizers.Tokenizer.from_str(file)
    rows = engine.encode(texts)
    whole = engine.encode(texts, uses_memory=False)
    for i, (text, expected) in enumerate(zip(texts, oracle.encode_batch(texts), strict=True)):
        assert ours(component, text) == engine.normalize(text) == oracle.normalizer.normalize_str(text)
        begin, end = rows.row_starts[i : i + 2]
        assert [tuple(pair) for pair in rows.offsets[begin:end].tolist()] == expected.offsets, ascii(text)
        assert (rows.offsets[begin:end] == whole.offsets[begin:end]).all()


@pytest.mark.parametrize("kind", ["WhitespaceSplit", "BertPreTokenizer", "ByteLevel", "Metaspace"])
def test_texts_cut_at_spaces_have_the_offsets_of_the_original(kind: str) -> None:
    settings = {"add_prefix_space": False, "trim_offsets": True, "use_regex": True} if kind == "ByteLevel" else {}
    settings |= {"replacement": "▁", "prepend_scheme": "always", "split": True} if kind == "Metaspace" else {}
    rng = random.Random(9)
    for name, component in CASES.items():
        if name.endswith("nothing"):
            continue  # the original panics on words of no width
        file = json.dumps(json.loads(build_file(component)) | {"pre_tokenizer": {"type": kind, **settings}})
        engine, oracle = Engine.from_json(file.encode()), tokenizers.Tokenizer.from_str(file)
        texts = [random_sentence(rng) for _ in range(150)]
        rows = engine.encode(texts)
        for i, (text, expected) in enumerate(zip(texts, oracle.encode_batch(texts), strict=True)):
            offsets = rows.offsets[rows.row_starts[i] : rows.row_starts[i + 1]].tolist()
            assert [tuple(pair) for pair in offsets] == expected.offsets, (name, ascii(text))


@pytest.mark.parametrize("kind", ["NFC", "NFD"])
def test_marks_of_all_combining_classes_are_sorted_as_in_the_original(kind: str) -> None:
    oracle = getattr(tokenizers.normalizers, kind)()
    firsts = {unicodedata.combining(chr(code)): chr(code) for code in reversed(MARKS)}
    younger = [0x897, 0xECE, *range(0x10EFD, 0x10F00), 0x11F41, 0x1E08F, *range(0x1E4EC, 0x1E4F0)]
    text = " ".join(f"a{chr(code)}{mark}b{mark}{chr(code)}" for code in [*MARKS, *younger] for mark in firsts.values())
    assert ours(typed(kind), text) == oracle.normalize_str(text)


def test_all_compositions_equal_the_original() -> None:
    wholes = [code for code in ALL_CODES if len(unicodedata.normalize("NFD", chr(code))) > 1]
    text = " ".join(unicodedata.normalize("NFD", chr(code)) + "\u0323" for code in wholes)
    assert ours(typed("NFC"), text) == tokenizers.normalizers.NFC().normalize_str(text)
    assert ours(typed("NFKC"), text) == tokenizers.normalizers.NFKC().normalize_str(text)


def test_grapheme_clusters_equal_the_original() -> None:
    # At least one of each kind that UAX #29 knows; keys for some of them show where clusters end.
    alphabet = "aé\r\n\t \u0301\u0300\u094d\u09cd\u0c4dकषকకക\u200c\u200d©®™❤\ufe0f\u0903\u0bbe\u0600\u06dd\u0d4e"
    alphabet += "각가각\xad\u200b🇦🇧👨🏻\U000110bdᅠำ\U00016d63\u02bc"
    rng = random.Random(5)
    for share in (1.0, 0.5, 0.3):
        rules = {
            char: rng.choice([f"<{ord(char):x}>", "Z", "", "z\u0301"]) for char in alphabet if rng.random() < share
        }
        rules |= {a + b: f"[{ord(a):x}-{ord(b):x}]" for a in alphabet for b in alphabet if rng.random() > share}
        component = precompiled(rules)
        file = build_file(component)
        engine, oracle = Engine.from_json(file.encode()), tokenizers.Tokenizer.from_str(file)
        texts = ["".join(rng.choices(alphabet, k=rng.choice([1, 2, 3, 4, 5, 8, 12]))) for _ in range(2500)]
        rows = engine.encode(texts)
        for i, (text, expected) in enumerate(zip(texts, oracle.encode_batch(texts), strict=True)):
            assert engine.normalize(text) == oracle.normalizer.normalize_str(text), ascii(text)
            offsets = rows.offsets[rows.row_starts[i] : rows.row_starts[i + 1]].tolist()
            assert [tuple(pair) for pair in offsets] == expected.offsets, ascii(text)


def test_a_real_charsmap_equals_the_original(shared_data: Any) -> None:
    file = json.loads((shared_data / "vocab" / "t5-small" / "tokenizer.json").read_text())
    test_random_texts_and_their_offsets_equal_the_original(file["normalizer"])
    test_every_code_point_becomes_what_it_does_in_the_original(file["normalizer"])


@pytest.mark.parametrize("component", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("unit", ["\u0301\u0316", "한", "a", " ", "क\u094d", "👨\u200d", "\u0344"])
def test_long_texts_equal_the_original(component: Component, unit: str) -> None:
    oracle = tokenizers.Tokenizer.from_str(build_file(component)).normalizer
    text = "e" + unit * 5000
    assert ours(component, text) == oracle.normalize_str(text)


@pytest.mark.parametrize(
    ("component", "text", "expected"),
    [
        (typed("NFC"), "e\u0301가\u1100\u1161\u11a8", "é가각"),
        (typed("NFKD"), "ﬁ①ｱ", "fi1ア"),
        (bert(clean=True, chinese=True, accents=None, lower=True), "Héllo\t中国\0!", "hello  中  国 !"),
        (strip(left=True, right=True), "\u3000 a b \n", "a b"),
        (sequence(prepend("▁"), replace(" ", "▁")), "a b", "▁a▁b"),
        (sequence(), "As it is", "As it is"),
        (typed("ByteLevel"), "é ", "Ã©Ġ"),
    ],
)
def test_known_results(component: Component, text: str, expected: str) -> None:
    assert ours(component, text) == expected


@pytest.mark.parametrize("component", [strip(True, True), prepend("p"), replace("a", "b"), sequence()])
def test_old_files_have_no_type(component: Component) -> None:
    untyped = {key: value for key, value in component.items() if key != "type"}
    assert ours(untyped, " a") == ours(component, " a")


@pytest.mark.parametrize(
    ("component", "message"),
    [
        ({"type": "NFX"}, 'unknown normalizer type "NFX"; known are BertNormalizer, ByteLevel, '),
        ({"type": 3}, "type"),
        ({}, 'no "type"'),
        ([1], "must be an object"),
        (sequence({"type": "Upper"}), '"Upper"'),
        ({"type": "Sequence", "normalizers": [None]}, "null where a normalizer must be"),
        ({"type": "Sequence"}, "normalizers"),
        ({"type": "BertNormalizer", "clean_text": True}, "handle_chinese_chars"),
        ({"type": "Strip", "strip_left": "yes", "strip_right": True}, "strip_left"),
        ({"type": "Prepend"}, "prepend"),
        ({"type": "Replace", "pattern": {"String": 5}, "content": ""}, '"String"'),
        ({"type": "Replace", "pattern": {"Glob": "*"}, "content": ""}, '{"String": ...} or {"Regex": ...}'),
        ({"type": "Replace", "pattern": {"String": "a"}}, "content"),
        ({"type": "Precompiled", "precompiled_charsmap": "abc"}, "has 3 characters, not a multiple of 4"),
        ({"type": "Precompiled", "precompiled_charsmap": "ab$="}, "at 2 that isn't base64"),
        ({"type": "Precompiled", "precompiled_charsmap": "AAA="}, "has 2 bytes"),
        ({"type": "Precompiled", "precompiled_charsmap": "CAAAAAAAAAA="}, "cut off within its 2 units"),
        ({"type": "Precompiled", "precompiled_charsmap": "AAAAAP8="}, "aren't UTF-8"),
    ],
)
def test_broken_components_are_named(component: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        ours(component, "text")


def test_a_text_that_explodes_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than 1 GiB"):
        ours(sequence(*[replace("a", "a" * 1000)] * 5), "aaa")
